package seed

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// minFeatures is the number of features that a product description names.
const minFeatures = 3

// Recipe is what sample data is made of: the words and numbers of seed/seed.yml, whose comments document the keys.
type Recipe struct {
	Sizes      Map[Counts]           `yaml:"sizes"`
	Tenants    []string              `yaml:"tenants"`
	People     People                `yaml:"people"`
	Warehouses Map[string]           `yaml:"warehouses"`
	Cards      Map[int]              `yaml:"cards"`
	Options    Map[[]Option]         `yaml:"options"`
	Lines      []string              `yaml:"lines"`
	Categories Map[CategoryTemplate] `yaml:"categories"`
}

// Counts is the number of objects in a size.
type Counts struct {
	Tenants  int `yaml:"tenants"`
	Users    int `yaml:"users"`
	Products int `yaml:"products"`
	Orders   int `yaml:"orders"`
}

// People holds the parts of user names.
type People struct {
	FirstNames []string `yaml:"first_names"`
	LastNames  []string `yaml:"last_names"`
}

// Option is a variant of a product: the end of its SKU, its name, and its share of the product's price.
type Option struct {
	Suffix  string
	Name    string
	Percent int
}

// UnmarshalYAML reads [suffix, name, percent]. The first two may look like numbers.
func (o *Option) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind != yaml.SequenceNode || len(node.Content) != 3 {
		return fmt.Errorf("line %d: an option must be [SKU suffix, name, percentage of the price]", node.Line)
	}
	o.Suffix, o.Name = node.Content[0].Value, node.Content[1].Value
	return node.Content[2].Decode(&o.Percent)
}

// CategoryTemplate is a category; without Things, it is only the parent of others.
type CategoryTemplate struct {
	Name     string     `yaml:"name"`
	Parent   string     `yaml:"parent"`
	Code     string     `yaml:"code"`
	Options  string     `yaml:"options"`
	Brands   []string   `yaml:"brands"`
	Things   Map[[]int] `yaml:"things"`
	Features []string   `yaml:"features"`
}

// Map is a YAML mapping in the order of the file.
type Map[V any] []Entry[V]

// Entry is a key of a Map and its value.
type Entry[V any] struct {
	Key   string
	Value V
}

// UnmarshalYAML keeps the order that a Go map would lose.
func (m *Map[V]) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: expected a mapping", node.Line)
	}
	for i := 0; i < len(node.Content); i += 2 {
		entry := Entry[V]{Key: node.Content[i].Value}
		if err := node.Content[i+1].Decode(&entry.Value); err != nil {
			return err
		}
		*m = append(*m, entry)
	}
	return nil
}

// Keys returns the keys in order.
func (m Map[V]) Keys() []string {
	keys := make([]string, len(m))
	for i, entry := range m {
		keys[i] = entry.Key
	}
	return keys
}

// Get returns the value of a key, and whether there is one.
func (m Map[V]) Get(key string) (V, bool) {
	for _, entry := range m {
		if entry.Key == key {
			return entry.Value, true
		}
	}
	var none V
	return none, false
}

// ReadRecipe reads and checks a recipe. The error names everything that is wrong.
func ReadRecipe(path string) (Recipe, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Recipe{}, err
	}
	recipe, err := ParseRecipe(text)
	if err != nil {
		return Recipe{}, fmt.Errorf("%s: %w", path, err)
	}
	return recipe, nil
}

// ParseRecipe parses and checks a recipe.
func ParseRecipe(text []byte) (Recipe, error) {
	var recipe Recipe
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&recipe); err != nil {
		return Recipe{}, err
	}
	return recipe, errors.Join(recipe.problems()...)
}

// upTo returns the counts of a size and of all smaller ones, ascending.
func (r Recipe) upTo(size string) ([]Counts, error) {
	last := slices.Index(r.Sizes.Keys(), size)
	if last < 0 {
		return nil, fmt.Errorf("unknown size %q. Valid: %s", size, strings.Join(r.Sizes.Keys(), ", "))
	}
	steps := make([]Counts, last+1)
	for i := range steps {
		steps[i] = r.Sizes[i].Value
	}
	return steps, nil
}

// selling returns the categories that have products.
func (r Recipe) selling() Map[CategoryTemplate] {
	return slices.DeleteFunc(slices.Clone(r.Categories), func(e Entry[CategoryTemplate]) bool {
		return len(e.Value.Things) == 0
	})
}

func (r Recipe) problems() []error {
	found := r.missing()
	if len(found) > 0 {
		return found
	}
	found = append(r.sizeProblems(), r.categoryProblems()...)
	for _, card := range r.Cards {
		if card.Value < 0 {
			found = append(found, fmt.Errorf("cards.%s: %d must be a weight of at least 0", card.Key, card.Value))
		}
	}
	if len(found) > 0 {
		return found
	}
	return r.shortages()
}

// missing returns the keys without a value.
func (r Recipe) missing() []error {
	var found []error
	for _, part := range []struct {
		name  string
		count int
	}{
		{"sizes", len(r.Sizes)},
		{"tenants", len(r.Tenants)},
		{"people.first_names", len(r.People.FirstNames)},
		{"people.last_names", len(r.People.LastNames)},
		{"warehouses", len(r.Warehouses)},
		{"cards", len(r.Cards)},
		{"options", len(r.Options)},
		{"lines", len(r.Lines)},
		{"categories", len(r.Categories)},
	} {
		if part.count == 0 {
			found = append(found, fmt.Errorf("%s must not be empty", part.name))
		}
	}
	return found
}

func (r Recipe) sizeProblems() []error {
	var found []error
	var smaller Counts
	for _, size := range r.Sizes {
		c := size.Value
		if min(c.Tenants, c.Users, c.Products, c.Orders) < 1 {
			found = append(found, fmt.Errorf("sizes.%s: tenants, users, products and orders must be at least 1", size.Key))
		}
		if c.Tenants < smaller.Tenants || c.Users < smaller.Users || c.Products < smaller.Products ||
			c.Orders < smaller.Orders {
			found = append(found, fmt.Errorf("sizes.%s: no count may be less than in the size before it", size.Key))
		}
		if c.Users < c.Tenants {
			found = append(found, fmt.Errorf("sizes.%s: %d tenants need as many users, their owners", size.Key, c.Tenants))
		}
		smaller = c
	}
	return found
}

func (r Recipe) categoryProblems() []error {
	var found []error
	for i, category := range r.Categories {
		place, c := "categories."+category.Key, category.Value
		if c.Name == "" {
			found = append(found, fmt.Errorf("%s: name must be set", place))
		}
		if c.Parent != "" && !slices.Contains(r.Categories[:i].Keys(), c.Parent) {
			found = append(found, fmt.Errorf("%s.parent: %s must be declared before %s", place, c.Parent, category.Key))
		}
		if len(c.Things) > 0 {
			found = append(found, r.sellingProblems(place, c)...)
		}
	}
	if len(r.selling()) == 0 {
		found = append(found, errors.New("categories: at least one must have things"))
	}
	return found
}

func (r Recipe) sellingProblems(place string, c CategoryTemplate) []error {
	var found []error
	if c.Code == "" || len(c.Brands) == 0 {
		found = append(found, fmt.Errorf("%s: code and brands must be set", place))
	}
	if options, ok := r.Options.Get(c.Options); !ok || len(options) == 0 {
		valid := strings.Join(r.Options.Keys(), ", ")
		found = append(found, fmt.Errorf("%s: unknown options %q. Valid: %s", place, c.Options, valid))
	}
	if len(c.Features) < minFeatures {
		found = append(found, fmt.Errorf("%s.features: at least %d are required", place, minFeatures))
	}
	for _, thing := range c.Things {
		if prices := thing.Value; len(prices) != 2 || prices[0] < 1 || prices[1] < prices[0] {
			found = append(found, fmt.Errorf("%s.things.%s: expected [lowest, highest price] in cents", place, thing.Key))
		}
	}
	return found
}

// shortages reports words that are too few for the largest size, which uses each name once.
func (r Recipe) shortages() []error {
	var found []error
	largest := r.Sizes[len(r.Sizes)-1].Value
	if names := len(r.People.FirstNames) * len(r.People.LastNames); names < largest.Users {
		found = append(found, fmt.Errorf("people: %d names for %d users", names, largest.Users))
	}
	if len(r.Tenants) < largest.Tenants {
		found = append(found, fmt.Errorf("tenants: %d names for %d tenants", len(r.Tenants), largest.Tenants))
	}
	selling := r.selling()
	wanted := (largest.Products + len(selling) - 1) / len(selling)
	for _, category := range selling {
		names := len(category.Value.Brands) * len(r.Lines) * len(category.Value.Things)
		if names < wanted {
			found = append(found, fmt.Errorf("categories.%s: brands, lines and things make %d names for %d products",
				category.Key, names, wanted))
		}
	}
	return found
}
