package product

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"cloudlab.example/platform/internal/auth"
	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/httpx"
)

func lamp(skus ...string) draft {
	d := draft{Name: "Lamp", Category: "home"}
	for _, sku := range skus {
		d.Variants = append(d.Variants, draftVariant{SKU: sku, Price: 1999, Currency: "EUR"})
	}
	return d
}

func TestDraftValidate(t *testing.T) {
	change := func(do func(*draft)) draft { d := lamp("A"); do(&d); return d }
	for name, test := range map[string]struct {
		draft draft
		wrong string
	}{
		"good":           {lamp("A", "B"), ""},
		"no name":        {change(func(d *draft) { d.Name = "" }), "name"},
		"no variants":    {lamp(), "variants"},
		"same SKU twice": {lamp("A", "A"), "variants[1].sku"},
		"bad SKU":        {lamp("A B"), "variants[0].sku"},
		"below zero":     {change(func(d *draft) { d.Variants[0].Price = -1 }), "variants[0].price"},
		"bad currency":   {change(func(d *draft) { d.Variants[0].Currency = "euro" }), "variants[0].currency"},
	} {
		var faultErr *fault.Error
		err := test.draft.Validate()
		if errors.As(err, &faultErr) != (test.wrong != "") || (faultErr != nil && faultErr.Fields[test.wrong] == "") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestVersionOf(t *testing.T) {
	for header, want := range map[string]int64{"": 0, "*": 0, `W/"3"`: 3, `"3"`: 3, "abc": -1, `"0"`: -1} {
		r := httptest.NewRequest("PUT", "/", nil)
		r.Header.Set("If-Match", header)
		got, err := versionOf(r)
		if (want < 0) != (err != nil) || (want >= 0 && got != want) {
			t.Errorf("%q: %d, %v", header, got, err)
		}
	}
}

func TestOnlyEditorsWrite(t *testing.T) {
	mux := &httpx.Mux{}
	(&Service{}).routes(mux)
	for name, test := range map[string]struct {
		claims *auth.Claims
		want   int
	}{"anonymous": {nil, 401}, "customer": {&auth.Claims{Permissions: []string{auth.OrdersPlace}}, 403}} {
		r := httptest.NewRequest("POST", "/api/v1/products", strings.NewReader("{}"))
		if test.claims != nil {
			r = r.WithContext(auth.WithClaims(r.Context(), *test.claims))
		}
		recorder := httptest.NewRecorder()
		mux.ServeHTTP(recorder, r)
		if recorder.Code != test.want {
			t.Errorf("%s: %d", name, recorder.Code)
		}
	}
}
