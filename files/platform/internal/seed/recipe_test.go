package seed

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseRecipeReportsProblems(t *testing.T) {
	for _, test := range []struct{ name, old, new, want string }{
		{"empty list", "lines: [Alba, Nova, Orbit]", "lines: []", "lines must not be empty"},
		{"no names", "first_names: [Ada, Zoë, Émile]", "first_names: []", "people.first_names must not be empty"},
		{"unknown key", "lines:", "limes:", "field limes not found"},
		{"missing count", "{tenants: 1, users: 4, products: 6, orders: 9}", "{users: 1}", "sizes.small: tenants, users"},
		{"no number", "orders: 9", "orders: many", "cannot unmarshal"},
		{"shrinking", "orders: 30", "orders: 3", "sizes.large: no count may be less than in the size before"},
		{"too few users", "tenants: 1, users: 4", "tenants: 5, users: 4", "sizes.small: 5 tenants need as many users"},
		{"too few people", "users: 9", "users: 1000", "people: 12 names for 1000 users"},
		{"too few products", "products: 20", "products: 500", "categories.lamps: brands, lines and things make 12 names"},
		{"too few tenants", "[north, south]", "[north]", "tenants: 1 names for 2 tenants"},
		{"weight", "tok_visa: 3", "tok_visa: -3", "cards.tok_visa: -3 must be a weight"},
		{"options", "options: colours", "options: colour", "categories.lamps: unknown options \"colour\""},
		{"parent", "parent: home", "parent: mugs", "categories.lamps.parent: mugs must be declared before lamps"},
		{"prices", "[1000, 9000]", "[9000, 1000]", "categories.lamps.things.Desk Lamp: expected [lowest"},
		{"features", "[a shade, a foot, a cord]", "[a shade]", "categories.lamps.features: at least 3"},
		{"name", "home: {name: Home}", "home: {}", "categories.home: name must be set"},
		{"category", "home: {name: Home}", "home: Home", "cannot unmarshal"},
		{"option", "[BLK, Black, 100]", "[BLK, 100]", "an option must be [SKU suffix"},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := strings.Replace(testRecipe, test.old, test.new, 1)
			if text == testRecipe {
				t.Fatalf("%q is not in the recipe", test.old)
			}
			path := filepath.Join(t.TempDir(), "seed.yml")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := ReadRecipe(path)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), path) {
				t.Errorf("got %v, want %s: … %s", err, path, test.want)
			}
		})
	}
}

func TestReadRecipeWithoutFile(t *testing.T) {
	if _, err := ReadRecipe(filepath.Join(t.TempDir(), "seed.yml")); err == nil || !os.IsNotExist(err) {
		t.Errorf("got %v, want an error that the file does not exist", err)
	}
}

func TestMakeUnknownSize(t *testing.T) {
	recipe, err := ParseRecipe([]byte(testRecipe))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Make(recipe, "smal"); err == nil || !strings.Contains(err.Error(), "Valid: small, large") {
		t.Errorf("got %v, want the valid sizes", err)
	}
}
