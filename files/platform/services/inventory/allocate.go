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

// allocation is a quantity of a SKU to take from a warehouse.
type allocation struct {
	SKU       string
	Warehouse string
	Quantity  int64
}

// allocate chooses warehouses: for each SKU the one with the lowest sufficient stock, so that large stocks are not split; if
// none suffices, several, the one with the most stock first. It allocates all SKUs or none.
func allocate(quantities map[string]int64, levels []level) ([]allocation, error) {
	var plan []allocation
	for _, sku := range slices.Sorted(maps.Keys(quantities)) {
		parts, short := allocateOne(sku, quantities[sku], levels)
		if short > 0 {
			return nil, fault.New(fault.Precondition, "not enough stock of %s: %d missing", sku, short)
		}
		plan = append(plan, parts...)
	}
	return plan, nil
}

func allocateOne(sku string, quantity int64, levels []level) (parts []allocation, short int64) {
	var candidates []level
	for _, l := range levels {
		if l.SKU == sku && l.available() > 0 {
			candidates = append(candidates, l)
		}
	}
	slices.SortFunc(candidates, func(a, b level) int {
		return cmp.Or(cmp.Compare(a.available(), b.available()), cmp.Compare(a.Warehouse, b.Warehouse))
	})
	if i := slices.IndexFunc(candidates, func(l level) bool { return l.available() >= quantity }); i >= 0 {
		return []allocation{{sku, candidates[i].Warehouse, quantity}}, 0
	}
	for _, l := range slices.Backward(candidates) {
		take := min(quantity, l.available())
		parts = append(parts, allocation{sku, l.Warehouse, take})
		quantity -= take
	}
	return parts, quantity
}
