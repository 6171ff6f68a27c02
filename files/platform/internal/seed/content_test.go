package seed

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
	"unicode"

	"go.yaml.in/yaml/v3"
)

func TestTotalsAreThoseDeclared(t *testing.T) {
	text, err := os.ReadFile("../../cloudlab.yml")
	if err != nil {
		t.Fatal(err)
	}
	var declared struct {
		Seed struct {
			Sizes map[string]Totals
		}
	}
	if err := yaml.Unmarshal(text, &declared); err != nil {
		t.Fatal(err)
	}
	recipe, sizes := makeReference(t)
	if len(declared.Seed.Sizes) != len(sizes) {
		t.Errorf("cloudlab.yml declares %d sizes, the recipe has %d", len(declared.Seed.Sizes), len(sizes))
	}
	for i, size := range recipe.Sizes {
		got := sizes[i].Totals()
		if want := declared.Seed.Sizes[size.Key]; got != want {
			t.Errorf("size %s has %+v; cloudlab.yml declares %+v", size.Key, got, want)
		}
		counts := Counts{Tenants: got.Tenants, Users: got.Users, Products: got.Products, Orders: got.Orders}
		if counts != size.Value {
			t.Errorf("size %s has %+v; the recipe says %+v", size.Key, counts, size.Value)
		}
	}
}

func TestLargerSizeOnlyAdds(t *testing.T) {
	_, sizes := makeReference(t)
	for i, small := range sizes[:len(sizes)-1] {
		large := sizes[i+1]
		if !reflect.DeepEqual(large.Users[:len(small.Users)], small.Users) ||
			!reflect.DeepEqual(large.Products[:len(small.Products)], small.Products) ||
			!reflect.DeepEqual(large.Orders[:len(small.Orders)], small.Orders) {
			t.Errorf("size %d does not begin with the content of size %d", i+1, i)
		}
	}
}

func TestNaturalKeysAreUnique(t *testing.T) {
	_, sizes := makeReference(t)
	large := sizes[len(sizes)-1]
	seen := make(map[string]bool)
	once := func(kind, key string) {
		if seen[kind+key] {
			t.Errorf("%s %q occurs twice", kind, key)
		}
		seen[kind+key] = true
	}
	for _, user := range large.Users {
		once("email", user.Email)
		once("user", user.Name)
	}
	for _, product := range large.Products {
		once("product", product.Name)
		for _, variant := range product.Variants {
			once("SKU", variant.SKU)
		}
	}
}

func TestReferencesAreInTheSameSize(t *testing.T) {
	_, sizes := makeReference(t)
	for _, content := range sizes {
		known := make(map[string]bool)
		for _, warehouse := range content.Warehouses {
			known["warehouse "+warehouse.Code] = true
		}
		for tenant := range content.founders() {
			known["tenant "+tenant] = true
		}
		for _, user := range content.Users {
			known["user "+user.Email] = true
			if user.Tenant != sharedTenant && !known["tenant "+user.Tenant] {
				t.Errorf("%s works for an unknown tenant", user.Email)
			}
		}
		for _, product := range content.Products {
			if !known["tenant "+product.Tenant] {
				t.Errorf("%s belongs to an unknown tenant", product.Name)
			}
			for _, delivery := range product.deliveries() {
				known["sku "+delivery.SKU] = true
				if !known["warehouse "+delivery.Warehouse] {
					t.Errorf("%s is in an unknown warehouse", delivery.SKU)
				}
			}
		}
		for i, order := range content.Orders {
			if !known["user "+order.Email] {
				t.Errorf("order %d is of an unknown user", i)
			}
			for _, item := range order.Items {
				if !known["sku "+item.SKU] {
					t.Errorf("order %d has an unknown SKU", i)
				}
			}
		}
	}
}

func TestRulesOfThePlatform(t *testing.T) {
	_, sizes := makeReference(t)
	large := sizes[len(sizes)-1]
	for _, product := range large.Products {
		if n := len(product.Variants); n < 1 || n > 50 || len(product.Name) > 200 {
			t.Errorf("%s: %d variants", product.Name, n)
		}
		for _, variant := range product.Variants {
			if variant.Price <= 0 || len(variant.SKU) > 64 {
				t.Errorf("%s: price %d", variant.SKU, variant.Price)
			}
		}
	}
	for _, user := range large.Users {
		for _, r := range user.Email {
			if r > unicode.MaxASCII || unicode.IsUpper(r) {
				t.Errorf("%s: %q in an email address", user.Email, r)
			}
		}
	}
	for i, order := range large.Orders {
		skus := make(map[string]bool)
		for _, item := range order.Items {
			skus[item.SKU] = true
		}
		if len(order.Items) == 0 || len(skus) != len(order.Items) {
			t.Errorf("order %d: items %v", i, order.Items)
		}
	}
}

func TestStockSufficesForNearlyAllOrders(t *testing.T) {
	_, sizes := makeReference(t)
	large := sizes[len(sizes)-1]
	left := make(map[string]int)
	for _, product := range large.Products {
		for _, delivery := range product.deliveries() {
			left[delivery.SKU] += delivery.Pieces
		}
	}
	refused := 0
	for _, order := range large.Orders {
		enough := true
		for _, item := range order.Items {
			enough = enough && left[item.SKU] >= item.Quantity
			left[item.SKU] -= item.Quantity
		}
		if !enough {
			refused++
		}
	}
	if refused == 0 || refused > len(large.Orders)/20 {
		t.Errorf("%d of %d orders are out of stock", refused, len(large.Orders))
	}
}

// Other content under the same keys would be a second shop in a platform that has the first.
func TestContentIsTheSameOnEveryMachine(t *testing.T) {
	text, err := json.Marshal(makeTest(t, "large"))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	if got := hex.EncodeToString(sum[:8]); got != "09b4d44b4476a47e" {
		t.Errorf("the hash of the content is %s", got)
	}
}

func TestKeyOfAnOrder(t *testing.T) {
	order := NumberedOrder{7, Order{Card: "tok_visa", Items: []Item{{"LAM-00001-BLK", 2}}}}
	if got := order.key(); got != "seed-7-022cad02ab2878e4" {
		t.Errorf("got the key %s", got)
	}
	order.Items[0].Quantity = 1
	if got := order.key(); got == "seed-7-022cad02ab2878e4" {
		t.Error("an order with other items has the same key")
	}
}

func TestEmailAddressesAreASCII(t *testing.T) {
	for _, user := range makeTest(t, "large").Users {
		for name, want := range map[string]string{"Zoë ": "zoe.", "Émile ": "emile."} {
			if strings.HasPrefix(user.Name, name) && !strings.HasPrefix(user.Email, want) {
				t.Errorf("%s has the address %s", user.Name, user.Email)
			}
		}
	}
}

func TestCombinationsOccurOnce(t *testing.T) {
	parts := [][]string{{"a", "b", "c"}, {"x", "y"}, {"0", "1", "2", "3", "4", "5", "6"}}
	seen := make(map[string]bool)
	for i := range uint64(42) {
		seen[strings.Join(combination(i, parts...), "")] = true
	}
	if len(seen) != 42 {
		t.Errorf("42 numbers have %d combinations", len(seen))
	}
	if !reflect.DeepEqual(combination(42, parts...), combination(0, parts...)) {
		t.Error("the combinations do not start again")
	}
}

func TestDrawsAreSpread(t *testing.T) {
	letters := []string{"a", "b", "c", "d"}
	numbers := make([]int, 100)
	for i := range numbers {
		numbers[i] = i
	}
	drawn := make(map[string]int)
	first, highest := 0, 0
	for i := range 4000 {
		drawn[pick(letters, "test", i)]++
		favoured := favour(numbers, "test", i)
		highest = max(highest, favoured)
		if favoured == 0 {
			first++
		}
	}
	for _, letter := range letters {
		if n := drawn[letter]; n < 900 || n > 1100 {
			t.Errorf("%s was drawn %d times of 4000", letter, n)
		}
	}
	if first < 300 || highest < 95 {
		t.Errorf("the first item was drawn %d times, the highest was %d", first, highest)
	}
}

func TestWeights(t *testing.T) {
	drawn := make(map[string]int)
	for i := range 2000 {
		drawn[weighted(Map[int]{{"often", 9}, {"never", 0}, {"seldom", 1}}, "card", i)]++
	}
	if drawn["often"] < 1700 || drawn["often"] > 1900 || drawn["never"] > 0 {
		t.Errorf("drawn %v", drawn)
	}
}
