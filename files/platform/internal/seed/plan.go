package seed

// NumberedOrder is an order with its number, which is part of its key.
type NumberedOrder struct {
	Number int
	Order
}

// Plan is what the platform lacks. New products come with their stock; Deliveries are for other products.
type Plan struct {
	Categories []Category
	Warehouses []Warehouse
	Users      []User
	Products   []Product
	Deliveries []Delivery
	Orders     []NumberedOrder
}

// Made is a number of objects by kind that were created, or would be.
type Made struct {
	Categories int `json:"categories"`
	Warehouses int `json:"warehouses"`
	Users      int `json:"users"`
	Products   int `json:"products"`
	Deliveries int `json:"deliveries"`
	Orders     int `json:"orders"`
}

// Counts returns how much the plan creates.
func (p Plan) Counts() Made {
	deliveries := len(p.Deliveries)
	for _, product := range p.Products {
		deliveries += len(product.deliveries())
	}
	return Made{
		Categories: len(p.Categories), Warehouses: len(p.Warehouses), Users: len(p.Users),
		Products: len(p.Products), Deliveries: deliveries, Orders: len(p.Orders),
	}
}

// deliveries returns the first stock of a product.
func (p Product) deliveries() []Delivery {
	var found []Delivery
	for _, variant := range p.Variants {
		found = append(found, variant.Stock...)
	}
	return found
}

// doubtful returns the SKUs whose levels must be read: the catalogue does not say whether all their stock was delivered.
func doubtful(content Content, held Holdings) []string {
	var skus []string
	for _, variant := range content.variants() {
		if pieces, ok := held.Available[variant.SKU]; ok && (pieces == 0 || len(variant.Stock) > 1) {
			skus = append(skus, variant.SKU)
		}
	}
	return skus
}

// Compare returns what the platform lacks; held includes the levels of doubtful SKUs.
func Compare(content Content, held Holdings) Plan {
	var plan Plan
	for _, category := range content.Categories {
		if !held.Categories[category.Slug] {
			plan.Categories = append(plan.Categories, category)
		}
	}
	for _, warehouse := range content.Warehouses {
		if !held.Warehouses[warehouse.Code] {
			plan.Warehouses = append(plan.Warehouses, warehouse)
		}
	}
	for _, user := range content.Users {
		if !held.Emails[user.Email] {
			plan.Users = append(plan.Users, user)
		}
	}
	for _, product := range content.Products {
		if _, ok := held.Available[product.Variants[0].SKU]; !ok {
			plan.Products = append(plan.Products, product)
		}
	}
	for _, variant := range content.variants() {
		levels, ok := held.Levels[variant.SKU]
		for _, delivery := range variant.Stock {
			if ok && !levels[delivery.Warehouse] {
				plan.Deliveries = append(plan.Deliveries, delivery)
			}
		}
	}
	found := make(map[string]int)
	for i, order := range content.Orders {
		key := mark(order.Email, order.Items)
		if found[key]++; found[key] > held.Orders[key] {
			plan.Orders = append(plan.Orders, NumberedOrder{i, order})
		}
	}
	return plan
}
