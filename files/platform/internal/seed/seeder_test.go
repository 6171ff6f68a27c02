package seed

import (
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// seederFor returns a seeder of a size, and the lines that it reports.
func seederFor(t *testing.T, handler http.Handler, size string) (*Seeder, *[]string) {
	t.Helper()
	gateway := gatewayTo(t, handler)
	var lines []string
	return &Seeder{
		Shop: NewShop(gateway, NewAccount(gateway, adminEmail, adminPassword)), Content: makeTest(t, size),
		Password: userPassword, Concurrency: 4, Outcomes: map[string]int{},
		Say: func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) },
	}, &lines
}

// apply plans and creates what the platform lacks of a size.
func (p *platform) apply(t *testing.T, size string) (*Seeder, error) {
	t.Helper()
	seeder, _ := seederFor(t, p, size)
	plan, err := seeder.Plan(t.Context())
	if err != nil {
		return seeder, err
	}
	err = seeder.Apply(t.Context(), plan)
	seeder.Shop.admin.Close(t.Context())
	return seeder, err
}

// seeded returns a platform that has a size.
func seeded(t *testing.T, size string) *platform {
	t.Helper()
	p := newPlatform()
	if _, err := p.apply(t, size); err != nil {
		t.Fatal(err)
	}
	return p
}

// state is what a platform has, independent of the order in which it was created.
type state struct {
	Accounts               map[string]account
	Categories, Warehouses map[string]string
	Products, Orders       []string
	Stock                  map[string]map[string]int
}

func (p *platform) state() state {
	s := state{Accounts: p.accounts, Categories: p.categories, Warehouses: p.warehouses, Stock: p.stock}
	for _, product := range p.products {
		s.Products = append(s.Products, fmt.Sprint(product))
	}
	for _, order := range p.orders {
		s.Orders = append(s.Orders, fmt.Sprint(order))
	}
	slices.Sort(s.Products)
	slices.Sort(s.Orders)
	return s
}

func TestFirstRunCreatesEverything(t *testing.T) {
	p := newPlatform()
	seeder, err := p.apply(t, "large")
	if err != nil {
		t.Fatal(err)
	}
	content := makeTest(t, "large")
	want := state{
		Accounts:   map[string]account{adminEmail: p.accounts[adminEmail]},
		Categories: map[string]string{"home": "Home", "lamps": "Lamps", "mugs": "Mugs"},
		Warehouses: map[string]string{"main": "Main", "depot": "Depot"},
		Stock:      map[string]map[string]int{},
	}
	for _, user := range content.Users {
		want.Accounts[user.Email] = account{userPassword, user.Tenant, user.Founder}
	}
	deliveries, declined := 0, 0
	for _, product := range content.Products {
		sold := soldProduct{name: product.Name, tenant: product.Tenant}
		for _, variant := range product.Variants {
			sold.skus = append(sold.skus, variant.SKU)
			want.Stock[variant.SKU] = map[string]int{}
			for _, delivery := range variant.Stock {
				want.Stock[variant.SKU][delivery.Warehouse] = delivery.Pieces
				deliveries++
			}
		}
		want.Products = append(want.Products, fmt.Sprint(sold))
	}
	slices.Sort(want.Products)
	got := p.state()
	for _, order := range content.Orders {
		if order.Card == "tok_declined" {
			declined++
		}
	}
	if len(got.Orders) != 30 {
		t.Errorf("%d orders are placed, want 30", len(got.Orders))
	}
	want.Orders = got.Orders
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	made := Made{Categories: 2, Warehouses: 1, Users: 9, Products: 20, Deliveries: deliveries, Orders: 30}
	if seeder.Made != made {
		t.Errorf("counted %+v, want %+v", seeder.Made, made)
	}
	if want := map[string]int{"confirmed": 30 - declined, "cancelled": declined}; !maps.Equal(seeder.Outcomes, want) {
		t.Errorf("outcomes %v, want %v", seeder.Outcomes, want)
	}
	if len(p.sessions) > 0 {
		t.Errorf("sessions are left: %v", p.sessions)
	}
}

func TestObjectsAreCreatedAfterThoseTheyNeed(t *testing.T) {
	p := seeded(t, "large")
	var kinds []string
	for _, request := range p.writes() {
		kind := strings.Split(request, "/")[3]
		if kind == "inventory" { // a new product is delivered at once
			kind = "products"
		}
		if len(kinds) == 0 || kinds[len(kinds)-1] != kind {
			kinds = append(kinds, kind)
		}
	}
	if want := []string{"categories", "warehouses", "auth", "products", "orders"}; !slices.Equal(kinds, want) {
		t.Errorf("created %v, want %v", kinds, want)
	}
}

func TestSecondRunCreatesNothing(t *testing.T) {
	p := seeded(t, "large")
	before := p.state()
	p.requests = nil
	for _, size := range []string{"large", "small"} {
		seeder, err := p.apply(t, size)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.writes()) > 0 || seeder.Made != (Made{}) || !reflect.DeepEqual(p.state(), before) {
			t.Errorf("size %s: made %+v, sent %v", size, seeder.Made, p.writes())
		}
	}
}

func TestLargerSizeIsAddedToASmallerOne(t *testing.T) {
	p := seeded(t, "small")
	seeder, err := p.apply(t, "large")
	if err != nil {
		t.Fatal(err)
	}
	if m := seeder.Made; m.Users != 9-4 || m.Products != 20-6 || m.Orders != 30-9 || m.Categories+m.Warehouses != 0 {
		t.Errorf("made %+v", m)
	}
	if want := seeded(t, "large").state(); !reflect.DeepEqual(p.state(), want) {
		t.Errorf("got %+v\nwant %+v", p.state(), want)
	}
}

// trouble serves one request that is not a read in another way.
func (p *platform) trouble(number int, serve func(next func())) {
	p.intercept = func(r *http.Request, next func()) {
		if isWrite(r.Method, r.URL.Path, true) {
			if number--; number == 0 {
				serve(next)
			}
		}
		next()
	}
}

func TestInterruptedRunIsContinuedWithoutDuplicates(t *testing.T) {
	want := seeded(t, "small")
	writes := len(want.writes())
	for name, serve := range map[string]func(func()){
		"the request is lost":  func(func()) { panic(http.ErrAbortHandler) },
		"the response is lost": func(next func()) { next(); panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			for number := 1; number <= writes; number++ {
				synctest.Test(t, func(t *testing.T) {
					p := newPlatform()
					p.trouble(number, serve)
					_, first := p.apply(t, "small")
					_, second := p.apply(t, "small")
					if second != nil || !reflect.DeepEqual(p.state(), want.state()) {
						t.Errorf("write %d: errors %v and %v; got %+v\nwant %+v", number, first, second, p.state(), want.state())
					}
				})
			}
		})
	}
}

func TestFailedRunStopsAndIsContinued(t *testing.T) {
	want := seeded(t, "large")
	for _, number := range []int{1, 2, 3, 4, 8, 15, 25, 40, 60} {
		p := newPlatform()
		failed := false
		p.intercept = func(r *http.Request, next func()) {
			if isWrite(r.Method, r.URL.Path, true) {
				if number--; number == 0 {
					failed = true
					r.Method = "BREAK" // no route
				}
			}
			next()
		}
		_, err := p.apply(t, "large")
		checkError(t, err, "HTTP 405: Method Not Allowed")
		if !failed || len(p.orders) == len(want.orders) {
			t.Error("the run did not stop")
		}
		if _, err := p.apply(t, "large"); err != nil || !reflect.DeepEqual(p.state(), want.state()) {
			t.Errorf("error %v; got %+v\nwant %+v", err, p.state(), want.state())
		}
	}
}

func TestOutOfStockOrdersAreOutcomes(t *testing.T) {
	p := newPlatform()
	p.intercept = func(r *http.Request, next func()) {
		if r.URL.Path == "/api/v1/orders" && r.Method == http.MethodPost {
			clear(p.stock) // sold to others
		}
		next()
	}
	seeder, err := p.apply(t, "small")
	if want := map[string]int{"cancelled": 9}; err != nil || !maps.Equal(seeder.Outcomes, want) {
		t.Errorf("got %v and %v, want %v", seeder.Outcomes, err, want)
	}
}

func TestSoldOutStockIsNotDeliveredAgain(t *testing.T) {
	p := seeded(t, "small")
	for _, levels := range p.stock {
		for warehouse := range levels {
			levels[warehouse] = 0
		}
	}
	before := p.state()
	if seeder, err := p.apply(t, "small"); err != nil || seeder.Made != (Made{}) || !reflect.DeepEqual(p.state(), before) {
		t.Errorf("made %+v, error %v", seeder.Made, err)
	}
}

func TestMissingDeliveryIsMade(t *testing.T) {
	p := seeded(t, "small")
	want := seeded(t, "small").state()
	sku := p.products[0].skus[0]
	clear(p.stock[sku])
	seeder, err := p.apply(t, "small")
	if err != nil || seeder.Made != (Made{Deliveries: len(want.Stock[sku])}) || !reflect.DeepEqual(p.state(), want) {
		t.Errorf("made %+v, error %v", seeder.Made, err)
	}
}

func TestWithdrawnProductStaysWithdrawn(t *testing.T) {
	p := seeded(t, "small")
	p.products[0].withdrawn = true
	before := p.state()
	if seeder, err := p.apply(t, "small"); err != nil || seeder.Made != (Made{}) || !reflect.DeepEqual(p.state(), before) {
		t.Errorf("made %+v, error %v", seeder.Made, err)
	}
}

func TestObjectsThatAreNotListedYetAreNotCreatedTwice(t *testing.T) {
	p := seeded(t, "small")
	p.hidden = true
	before := p.state()
	if seeder, err := p.apply(t, "small"); err != nil || seeder.Made != (Made{}) || !reflect.DeepEqual(p.state(), before) {
		t.Errorf("made %+v, error %v", seeder.Made, err)
	}
}

func TestOtherPasswordIsAnError(t *testing.T) {
	p := seeded(t, "small")
	seeder, _ := seederFor(t, p, "large")
	seeder.Password = "another one"
	plan, err := seeder.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	checkError(t, seeder.Apply(t.Context(), plan), "the platform does not accept the password of ")
}
