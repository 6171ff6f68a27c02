package seed

import (
	"sync"
	"testing"
)

const testRecipe = `
sizes:
  small: {tenants: 1, users: 4, products: 6, orders: 9}
  large: {tenants: 2, users: 9, products: 20, orders: 30}
tenants: [north, south]
people:
  first_names: [Ada, Zoë, Émile]
  last_names: [Müller, Kim, Rossi, Okafor]
warehouses: {main: Main, depot: Depot}
cards: {tok_visa: 3, tok_declined: 1}
options:
  colours: [[BLK, Black, 100], [RED, Red, 110]]
lines: [Alba, Nova, Orbit]
categories:
  home: {name: Home}
  lamps:
    name: Lamps
    parent: home
    code: LAM
    options: colours
    brands: [Lux, Dusk]
    things: {Desk Lamp: [1000, 9000], Floor Lamp: [2000, 20000]}
    features: [a shade, a foot, a cord]
  mugs:
    name: Mugs
    code: MUG
    options: colours
    brands: [Clay, Tin]
    things: {Mug: [500, 900], Cup: [400, 800]}
    features: [a handle, a glaze, a lid]
`

// makeTest builds the content of a size of the test recipe.
func makeTest(t *testing.T, size string) Content {
	t.Helper()
	recipe, err := ParseRecipe([]byte(testRecipe))
	if err != nil {
		t.Fatal(err)
	}
	content, err := Make(recipe, size)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// reference is the platform's recipe and the content of its sizes, smallest first. The tests that read it share it.
type reference struct {
	recipe Recipe
	sizes  []Content
}

var readReference = sync.OnceValues(func() (reference, error) {
	var ref reference
	var err error
	if ref.recipe, err = ReadRecipe("../../seed/seed.yml"); err != nil {
		return ref, err
	}
	for _, size := range ref.recipe.Sizes.Keys() {
		content, err := Make(ref.recipe, size)
		if err != nil {
			return ref, err
		}
		ref.sizes = append(ref.sizes, content)
	}
	return ref, nil
})

func makeReference(t *testing.T) (Recipe, []Content) {
	t.Helper()
	ref, err := readReference()
	if err != nil {
		t.Fatal(err)
	}
	return ref.recipe, ref.sizes
}
