package inventory

import (
	"slices"
	"testing"

	"cloudlab.example/platform/internal/fault"
)

func TestAllocate(t *testing.T) {
	levels := []level{
		{"A", "main", 10, 0},
		{"A", "north", 5, 1},
		{"A", "south", 3, 3},
		{"B", "main", 1, 0},
	}
	tests := []struct {
		name       string
		quantities map[string]int64
		want       []allocation
		fails      bool
	}{
		{"the smallest stock that suffices", map[string]int64{"A": 4}, []allocation{{"A", "north", 4}}, false},
		{"the larger one when needed", map[string]int64{"A": 6}, []allocation{{"A", "main", 6}}, false},
		{"several, the fullest first", map[string]int64{"A": 13}, []allocation{{"A", "main", 10}, {"A", "north", 3}}, false},
		{"reserved stock is not available", map[string]int64{"A": 15}, nil, true},
		{"two SKUs", map[string]int64{"B": 1, "A": 1}, []allocation{{"A", "north", 1}, {"B", "main", 1}}, false},
		{"all or nothing", map[string]int64{"A": 1, "B": 2}, nil, true},
		{"unknown SKU", map[string]int64{"C": 1}, nil, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := allocate(test.quantities, levels)
			if !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
			if (err != nil) != test.fails || (err != nil && fault.KindOf(err) != fault.Precondition) {
				t.Errorf("error %v", err)
			}
		})
	}
}
