package seed

import (
	"fmt"
	"math"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

const (
	sharedTenant = "" // of users who only buy
	staffShare   = 5  // one in this many users works for a tenant
	scarceShare  = 40 // one in this many SKUs is nearly sold out
	spreadShare  = 4  // one in this many SKUs is in two warehouses
)

// Content is all sample data of a size. A larger size begins with everything that a smaller one contains: object i of a
// kind depends only on i, and refers only to objects of the smallest size that has an object i.
type Content struct {
	Categories []Category
	Warehouses []Warehouse
	Users      []User
	Products   []Product
	Orders     []Order
}

// Category is a category of products; Parent is the slug of another one, or empty.
type Category struct {
	Slug, Name, Parent string
}

// Warehouse is a place for stock.
type Warehouse struct {
	Code, Name string
}

// User is an account. A founder registers its tenant and owns it.
type User struct {
	Email, Name, Phone, Tenant string
	Founder                    bool
}

// Product is a product of a tenant.
type Product struct {
	Name, Description, Brand, Category, Tenant string
	Variants                                   []Variant
}

// Variant is what a customer can buy; Price is in cents, Stock is what a new SKU receives.
type Variant struct {
	SKU, Name string
	Price     int
	Stock     []Delivery
}

// Delivery is stock of a SKU for a warehouse.
type Delivery struct {
	SKU, Warehouse string
	Pieces         int
}

// Order is an order of the user with the email address; it has each SKU once.
type Order struct {
	Email string
	Items []Item
	Card  string
}

// Item is a line of an order.
type Item struct {
	SKU      string
	Quantity int
}

// Totals is the number of objects by kind.
type Totals struct {
	Tenants    int `json:"tenants"`
	Users      int `json:"users"`
	Categories int `json:"categories"`
	Warehouses int `json:"warehouses"`
	Products   int `json:"products"`
	SKUs       int `json:"skus"`
	Orders     int `json:"orders"`
}

// Totals counts the objects.
func (c Content) Totals() Totals {
	return Totals{
		Tenants: len(c.founders()), Users: len(c.Users), Categories: len(c.Categories), Warehouses: len(c.Warehouses),
		Products: len(c.Products), SKUs: len(c.variants()), Orders: len(c.Orders),
	}
}

// founders maps each tenant to its owner.
func (c Content) founders() map[string]User {
	found := make(map[string]User)
	for _, user := range c.Users {
		if user.Founder {
			found[user.Tenant] = user
		}
	}
	return found
}

func (c Content) variants() []Variant {
	var found []Variant
	for _, product := range c.Products {
		found = append(found, product.Variants...)
	}
	return found
}

// Make derives the content of a size from a recipe.
func Make(recipe Recipe, size string) (Content, error) {
	steps, err := recipe.upTo(size)
	if err != nil {
		return Content{}, err
	}
	m := maker{recipe: recipe, steps: steps, selling: recipe.selling()}
	var content Content
	for _, entry := range recipe.Categories {
		content.Categories = append(content.Categories, Category{entry.Key, entry.Value.Name, entry.Value.Parent})
	}
	for _, entry := range recipe.Warehouses {
		content.Warehouses = append(content.Warehouses, Warehouse{entry.Key, entry.Value})
	}
	largest := steps[len(steps)-1]
	for i := range largest.Users {
		content.Users = append(content.Users, m.user(i))
	}
	for i := range largest.Products {
		content.Products = append(content.Products, m.product(i))
	}
	for i := range largest.Orders {
		content.Orders = append(content.Orders, m.order(i, content.Users, content.Products))
	}
	return content, nil
}

// maker derives objects of one size; steps are the counts of this size and of all smaller ones, ascending.
type maker struct {
	recipe  Recipe
	steps   []Counts
	selling Map[CategoryTemplate]
}

// step returns the index of the smallest size that has an object i.
func (m maker) step(i int, count func(Counts) int) int {
	for n, counts := range m.steps {
		if i < count(counts) {
			return n
		}
	}
	panic("the size has fewer objects")
}

// user derives user i. The first users of a size own its new tenants; some of the others work for one.
func (m maker) user(i int) User {
	n := m.step(i, func(c Counts) int { return c.Users })
	var smaller Counts
	if n > 0 {
		smaller = m.steps[n-1]
	}
	tenants := m.steps[n].Tenants
	tenant, founder := sharedTenant, false
	if i-smaller.Users < tenants-smaller.Tenants {
		tenant, founder = m.recipe.Tenants[smaller.Tenants+i-smaller.Users], true
	} else if below(staffShare, "staff", i) == 0 {
		tenant = pick(m.recipe.Tenants[:tenants], "employer", i)
	}
	name := combination(uint64(i), m.recipe.People.FirstNames, m.recipe.People.LastNames)
	domain := tenant
	if domain == sharedTenant {
		domain = "mail"
	}
	// Numbers and domains that are reserved for fiction.
	return User{
		Email:   fmt.Sprintf("%s.%s@%s.example", ascii(name[0]), ascii(name[1]), domain),
		Name:    strings.Join(name, " "),
		Phone:   fmt.Sprintf("+44 7700 900%03d", i%1000),
		Tenant:  tenant,
		Founder: founder,
	}
}

// product derives product i. Categories take turns, so that every size has some of each.
func (m maker) product(i int) Product {
	tenants := m.recipe.Tenants[:m.steps[m.step(i, func(c Counts) int { return c.Products })].Tenants]
	turn, place := i/len(m.selling), i%len(m.selling)
	slug, category := m.selling[place].Key, m.selling[place].Value
	things := category.Things.Keys()
	// Reduced before the addition, which could overflow.
	total := uint64(len(category.Brands) * len(m.recipe.Lines) * len(things))
	words := combination(uint64(turn)+draw("category", slug)%total, category.Brands, m.recipe.Lines, things)
	brand, thing := words[0], words[2]
	return Product{
		Name:        strings.Join(words, " "),
		Description: describe(i, thing, brand, category.Features),
		Brand:       brand,
		Category:    slug,
		// A tenant sells in a few categories only.
		Tenant:   tenants[(place+below(2, "seller", i))%len(tenants)],
		Variants: m.variants(i, category, thing),
	}
}

func describe(i int, thing, brand string, features []string) string {
	start := below(len(features), "features", i)
	var named [minFeatures]string
	for n := range named {
		named[n] = features[(start+n)%len(features)]
	}
	last := len(named) - 1
	return fmt.Sprintf("%s by %s, with %s and %s.", thing, brand, strings.Join(named[:last], ", "), named[last])
}

func (m maker) variants(i int, category CategoryTemplate, thing string) []Variant {
	options, _ := m.recipe.Options.Get(category.Options)
	prices, _ := category.Things.Get(thing)
	// Most things are cheap. The conversion prevents a fused multiplication, whose result differs between machines.
	price := float64(prices[0]) + float64(squared("price", i)*float64(prices[1]-prices[0]))
	variants := make([]Variant, 1+below(len(options), "variants", i))
	for n := range variants {
		sku := fmt.Sprintf("%s-%05d-%s", category.Code, i+1, options[n].Suffix)
		variants[n] = Variant{
			SKU:   sku,
			Name:  options[n].Name,
			Price: priceTag(price * float64(options[n].Percent) / 100),
			Stock: m.stock(sku),
		}
	}
	return variants
}

func (m maker) stock(sku string) []Delivery {
	warehouses := m.recipe.Warehouses.Keys()
	first := below(len(warehouses), "warehouse", sku)
	if below(scarceShare, "scarce", sku) == 0 {
		return []Delivery{{sku, warehouses[first], 1 + below(3, "rest", sku)}}
	}
	pieces := 200 + below(600, "pieces", sku)
	stock := []Delivery{{sku, warehouses[first], pieces}}
	if below(spreadShare, "spread", sku) == 0 && len(warehouses) > 1 {
		stock = append(stock, Delivery{sku, warehouses[(first+1)%len(warehouses)], pieces / 3})
	}
	return stock
}

func (m maker) order(i int, users []User, products []Product) Order {
	counts := m.steps[m.step(i, func(c Counts) int { return c.Orders })]
	order := Order{
		Email: favour(users[:counts.Users], "buyer", i).Email,
		Card:  weighted(m.recipe.Cards, "card", i),
	}
	places := make(map[string]int)
	for line := range 1 + below(3, "lines", i) {
		product := favour(products[:counts.Products], "bought", i, line)
		sku := pick(product.Variants, "variant", i, line).SKU
		item := Item{sku, 1 + below(4, "quantity", i, line)/2}
		if place, ok := places[sku]; ok {
			order.Items[place] = item
			continue
		}
		places[sku] = len(order.Items)
		order.Items = append(order.Items, item)
	}
	return order
}

// priceTag rounds a price to whole currency units less one cent.
func priceTag(cents float64) int {
	return max(100, int(math.RoundToEven(cents/100))*100) - 1
}

// ascii returns a name as it appears in an address: lower-case letters and digits without accents.
func ascii(name string) string {
	return strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFKD.String(name))
}
