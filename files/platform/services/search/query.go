package search

import (
	"net/url"
	"strconv"

	"cloudlab.example/platform/internal/fault"
)

// request is what a client searches for.
type request struct {
	Text               string
	Category, Brand    string
	MinPrice, MaxPrice int64 // in the smallest unit; MaxPrice 0 is any
	Sort               string
	Offset, Limit      int
}

// sorts are the orders a client may ask for.
var sorts = map[string][]any{
	"relevance":  {"_score", map[string]any{"updated_at": "desc"}},
	"price":      {map[string]any{"min_price": "asc"}},
	"price-desc": {map[string]any{"min_price": "desc"}},
	"newest":     {map[string]any{"updated_at": "desc"}},
}

// requestOf reads the query string.
func requestOf(query url.Values) (request, error) {
	var fields fault.Fields
	number := func(name string, fallback, limit int64) int64 {
		text := query.Get(name)
		if text == "" {
			return fallback
		}
		n, err := strconv.ParseInt(text, 10, 64)
		fields.Check(err == nil && n >= 0 && n <= limit, name, "must be a number from 0 to "+strconv.FormatInt(limit, 10))
		return n
	}
	r := request{
		Text: query.Get("q"), Category: query.Get("category"), Brand: query.Get("brand"), Sort: query.Get("sort"),
		MinPrice: number("min_price", 0, 1<<40), MaxPrice: number("max_price", 0, 1<<40),
		Offset: int(number("offset", 0, 9_900)), Limit: int(number("limit", 20, 100)),
	}
	if r.Sort == "" {
		r.Sort = "relevance"
	}
	_, known := sorts[r.Sort]
	fields.Check(known, "sort", "must be relevance, price, price-desc or newest")
	fields.Check(len(r.Text) <= 200, "q", "must have at most 200 bytes")
	return r, fields.Err()
}

// body makes Elasticsearch's query. Facets count within the text's hits, whatever is chosen in another facet, so the choices
// are filters that apply after the aggregations, each aggregation filtered by the others' choices.
func (r request) body() map[string]any {
	category, brand := term("category", r.Category), term("brand.raw", r.Brand)
	price := r.priceFilter()
	return map[string]any{
		"from": r.Offset, "size": r.Limit, "track_total_hits": true, "sort": sorts[r.Sort],
		"query":       map[string]any{"bool": map[string]any{"must": r.textQuery(), "filter": []any{term("active", "true")}}},
		"post_filter": all(category, brand, price),
		"aggs": map[string]any{
			"categories": facet("category", all(brand, price)),
			"brands":     facet("brand.raw", all(category, price)),
			"prices": map[string]any{
				"filter": all(category, brand),
				"aggs":   map[string]any{"of": map[string]any{"stats": map[string]any{"field": "min_price"}}},
			},
		},
	}
}

// textQuery forgives one wrong letter in words of three to five, and two in longer ones; what is spelt right scores more.
func (r request) textQuery() map[string]any {
	if r.Text == "" {
		return map[string]any{"match_all": map[string]any{}}
	}
	fields := []string{"name^4", "brand^2", "category.text^2", "skus.text^2", "description"}
	return map[string]any{"bool": map[string]any{"minimum_should_match": 1, "should": []any{
		map[string]any{"multi_match": map[string]any{
			"query": r.Text, "fields": fields, "type": "cross_fields",
			"operator": "and", "boost": 3,
		}},
		map[string]any{"multi_match": map[string]any{"query": r.Text, "fields": fields, "fuzziness": "AUTO", "prefix_length": 1}},
		map[string]any{"multi_match": map[string]any{
			"query": r.Text, "fields": []string{"name", "brand"},
			"type": "phrase_prefix", "boost": 2,
		}},
	}}}
}

func (r request) priceFilter() any {
	if r.MinPrice == 0 && r.MaxPrice == 0 {
		return nil
	}
	within := map[string]any{"gte": r.MinPrice}
	if r.MaxPrice > 0 {
		within["lte"] = r.MaxPrice
	}
	return map[string]any{"range": map[string]any{"min_price": within}}
}

func term(field, value string) any {
	if value == "" {
		return nil
	}
	return map[string]any{"term": map[string]any{field: value}}
}

// all joins filters; nil ones are left out.
func all(filters ...any) map[string]any {
	chosen := []any{}
	for _, f := range filters {
		if f != nil {
			chosen = append(chosen, f)
		}
	}
	return map[string]any{"bool": map[string]any{"filter": chosen}}
}

func facet(field string, within map[string]any) map[string]any {
	return map[string]any{
		"filter": within,
		"aggs":   map[string]any{"of": map[string]any{"terms": map[string]any{"field": field, "size": 20}}},
	}
}
