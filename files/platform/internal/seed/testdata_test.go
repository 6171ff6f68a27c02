package seed

import "testing"

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

// makeReference builds the content of every size of the platform's recipe, smallest first.
func makeReference(t *testing.T) (Recipe, []Content) {
	t.Helper()
	recipe, err := ReadRecipe("../../seed/seed.yml")
	if err != nil {
		t.Fatal(err)
	}
	var sizes []Content
	for _, size := range recipe.Sizes.Keys() {
		content, err := Make(recipe, size)
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, content)
	}
	return recipe, sizes
}
