package inventory

import (
	"cmp"
	"maps"
	"slices"

	"cloudlab.example/platform/internal/fault"
)

// level is the stock of one SKU in one warehouse.
type level struct {
	SKU       string `json:"sku"`
	Warehouse string `json:"warehouse"`
	OnHand    int64  `json:"on_hand"`
	Reserved  int64  `json:"reserved"`
}

func (l level) available() int64 { return l.OnHand - l.Reserved }

// allocation takes a quantity of a SKU from a warehouse.
type allocation struct {
	SKU       string
	Warehouse string
	Quantity  int64
}

// allocate decides which warehouse delivers what: for each SKU the one with the least stock that suffices, so that large
// stocks stay whole; only when none does, several, the fullest first. All or nothing.
func allocate(wanted map[string]int64, levels []level) ([]allocation, error) {
	var plan []allocation
	for _, sku := range slices.Sorted(maps.Keys(wanted)) {
		parts, short := allocateOne(sku, wanted[sku], levels)
		if short > 0 {
			return nil, fault.New(fault.Precondition, "%s is short of stock: %d more wanted than available", sku, short)
		}
		plan = append(plan, parts...)
	}
	return plan, nil
}

func allocateOne(sku string, quantity int64, levels []level) (parts []allocation, short int64) {
	var own []level
	for _, l := range levels {
		if l.SKU == sku && l.available() > 0 {
			own = append(own, l)
		}
	}
	slices.SortFunc(own, func(a, b level) int {
		return cmp.Or(cmp.Compare(a.available(), b.available()), cmp.Compare(a.Warehouse, b.Warehouse))
	})
	if i := slices.IndexFunc(own, func(l level) bool { return l.available() >= quantity }); i >= 0 {
		return []allocation{{sku, own[i].Warehouse, quantity}}, 0
	}
	for _, l := range slices.Backward(own) {
		take := min(quantity, l.available())
		parts = append(parts, allocation{sku, l.Warehouse, take})
		quantity -= take
	}
	return parts, quantity
}
