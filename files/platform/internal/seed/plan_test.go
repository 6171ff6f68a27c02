package seed

import (
	"reflect"
	"testing"
)

// complete returns the holdings of a platform that has all content.
func complete(content Content) Holdings {
	held := Holdings{
		Emails: map[string]bool{}, Categories: map[string]bool{}, Warehouses: map[string]bool{},
		Available: map[string]int{}, Levels: map[string]map[string]bool{}, Orders: map[string]int{},
	}
	for _, user := range content.Users {
		held.Emails[user.Email] = true
	}
	for _, category := range content.Categories {
		held.Categories[category.Slug] = true
	}
	for _, warehouse := range content.Warehouses {
		held.Warehouses[warehouse.Code] = true
	}
	for _, variant := range content.variants() {
		held.Levels[variant.SKU] = map[string]bool{}
		for _, delivery := range variant.Stock {
			held.Available[variant.SKU] += delivery.Pieces
			held.Levels[variant.SKU][delivery.Warehouse] = true
		}
	}
	for _, order := range content.Orders {
		held.Orders[mark(order.Email, order.Items)]++
	}
	return held
}

func TestEmptyPlatformLacksEverything(t *testing.T) {
	content := makeTest(t, "small")
	plan := Compare(content, Holdings{})
	deliveries := 0
	for _, variant := range content.variants() {
		deliveries += len(variant.Stock)
	}
	want := Made{Categories: 3, Warehouses: 2, Users: 4, Products: 6, Deliveries: deliveries, Orders: 9}
	if got := plan.Counts(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if len(plan.Deliveries) > 0 {
		t.Error("the stock of new products is delivered twice")
	}
}

func TestSeededPlatformLacksNothing(t *testing.T) {
	content := makeTest(t, "small")
	held := complete(content)
	held.Emails["me@home.example"] = true
	held.Orders[mark("me@home.example", []Item{{"LAM-00001-BLK", 1}})] += 3
	if got := Compare(content, held).Counts(); got != (Made{}) {
		t.Errorf("got %+v, want nothing", got)
	}
}

func TestDoubtfulStockIsReadByWarehouse(t *testing.T) {
	content := makeTest(t, "small")
	held := complete(content)
	var spread []string
	single := ""
	for _, variant := range content.variants() {
		if len(variant.Stock) > 1 {
			spread = append(spread, variant.SKU)
		} else {
			single = variant.SKU
		}
	}
	if got := doubtful(content, held); !reflect.DeepEqual(got, spread) {
		t.Errorf("got %v, want %v", got, spread)
	}
	held.Available[single] = 0
	if got := len(doubtful(content, held)); got != len(spread)+1 {
		t.Errorf("got %d SKUs, want %d", got, len(spread)+1)
	}
}

func TestInterruptedDeliveryIsCompleted(t *testing.T) {
	content := makeTest(t, "small")
	held := complete(content)
	variant := content.Products[0].Variants[0]
	held.Levels[variant.SKU] = map[string]bool{}
	plan := Compare(content, held)
	if !reflect.DeepEqual(plan.Deliveries, variant.Stock) || len(plan.Products) > 0 {
		t.Errorf("got %+v, want the deliveries %+v", plan, variant.Stock)
	}
}

func TestSameOrderTwiceIsTwoOrders(t *testing.T) {
	content := makeTest(t, "small")
	held := complete(content)
	repeated := content.Orders[0]
	content.Orders = append(content.Orders, repeated)
	plan := Compare(content, held)
	if want := []NumberedOrder{{len(content.Orders) - 1, repeated}}; !reflect.DeepEqual(plan.Orders, want) {
		t.Errorf("got %v, want %v", plan.Orders, want)
	}
}

func TestOrdersKeepTheirNumbers(t *testing.T) {
	content := makeTest(t, "small")
	held := complete(content)
	missing := content.Orders[4]
	held.Orders[mark(missing.Email, missing.Items)]--
	if want := []NumberedOrder{{4, missing}}; !reflect.DeepEqual(Compare(content, held).Orders, want) {
		t.Errorf("got %v, want %v", Compare(content, held).Orders, want)
	}
}

func TestCustomersWithMostOrdersComeFirst(t *testing.T) {
	var orders []NumberedOrder
	for i, order := range makeTest(t, "large").Orders {
		orders = append(orders, NumberedOrder{i, order})
	}
	groups := byCustomer(orders)
	count := 0
	for i, group := range groups {
		count += len(group)
		if i > 0 && len(group) > len(groups[i-1]) {
			t.Errorf("group %d is larger than the one before", i)
		}
		for _, order := range group {
			if order.Email != group[0].Email {
				t.Errorf("group %d has several customers", i)
			}
		}
	}
	if count != len(orders) {
		t.Errorf("got %d orders, want %d", count, len(orders))
	}
}
