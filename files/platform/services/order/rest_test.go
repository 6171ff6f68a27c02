package order

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	productv1 "cloudlab.example/platform/api/product/v1"
	"cloudlab.example/platform/internal/fault"
)

func basketOf(t *testing.T, text string) basket {
	t.Helper()
	var b basket
	if err := json.Unmarshal([]byte(text), &b); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTotal(t *testing.T) {
	offers := map[string]*productv1.Variant{
		"A":    {Sku: "A", Name: "Lamp", Price: 1999, Currency: "EUR", Active: true},
		"B":    {Sku: "B", Name: "Bulb", Price: 250, Currency: "EUR", Active: true},
		"USD":  {Sku: "USD", Price: 1, Currency: "USD", Active: true},
		"GONE": {Sku: "GONE", Price: 1, Currency: "EUR"},
	}
	tests := []struct {
		name, items string
		total       int64
		wrong       string
	}{
		{"adds up", `[{"sku":"A","quantity":2},{"sku":"B","quantity":4}]`, 4998, ""},
		{"unknown", `[{"sku":"A","quantity":1},{"sku":"X","quantity":1}]`, 0, "items[1].sku"},
		{"withdrawn", `[{"sku":"GONE","quantity":1}]`, 0, "items[0].sku"},
		{"two currencies", `[{"sku":"A","quantity":1},{"sku":"USD","quantity":1}]`, 0, "items[1].sku"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o, err := total(basketOf(t, `{"items":`+test.items+`,"card_token":"tok"}`), offers, time.Now())
			var faultErr *fault.Error
			if test.wrong != "" {
				if !errors.As(err, &faultErr) || faultErr.Fields[test.wrong] == "" {
					t.Fatalf("error %v, want one of %s", err, test.wrong)
				}
				return
			}
			if err != nil || o.Total != test.total || o.Currency != "EUR" || o.Lines[0].Name != "Lamp" || o.State != pending {
				t.Errorf("%+v, %v", o, err)
			}
		})
	}
}

func TestBasketValidate(t *testing.T) {
	for text, wrong := range map[string]string{
		`{"items":[{"sku":"A","quantity":1}],"card_token":"tok"}`:                            "",
		`{"items":[],"card_token":"tok"}`:                                                    "items",
		`{"items":[{"sku":"A","quantity":1}]}`:                                               "card_token",
		`{"items":[{"sku":"A","quantity":0}],"card_token":"tok"}`:                            "items[0].quantity",
		`{"items":[{"sku":"A","quantity":1},{"sku":"A","quantity":1}],"card_token":"token"}`: "items[1].sku",
	} {
		err := basketOf(t, text).Validate()
		var faultErr *fault.Error
		if errors.As(err, &faultErr) != (wrong != "") || (faultErr != nil && faultErr.Fields[wrong] == "") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestWaitOf(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"": 0, "wait=2": 2 * time.Second, "respond-async, wait=3": 3 * time.Second, "wait=999": maxWait, "return=minimal": 0,
	} {
		r := httptest.NewRequest("POST", "/", nil)
		r.Header.Set("Prefer", header)
		if got, err := waitOf(r); got != want || err != nil {
			t.Errorf("%q: %v, %v", header, got, err)
		}
	}
	r := httptest.NewRequest("POST", "/", nil)
	r.Header.Set("Prefer", "wait=soon")
	if _, err := waitOf(r); fault.KindOf(err) != fault.Invalid {
		t.Errorf("error %v", err)
	}
}
