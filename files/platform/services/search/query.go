package search

import (
	"net/url"
	"strconv"

	"cloudlab.example/platform/internal/fault"
)

// request is a parsed search request.
type request struct {
	Text               string
	Category, Brand    string
	MinPrice, MaxPrice int64 // in the smallest currency unit; MaxPrice 0 is any
	Sort               string
	Offset, Limit      int
}

// sorts are the sort orders that a client can request.
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

// body returns the query for Elasticsearch. A facet counts the hits of the text filtered by the other facets' selections. So
// the selections are post filters, and each aggregation is filtered by those of the other facets.
func (r request) body() map[string]any {
	category, brand := term("category", r.Category), term("brand.raw", r.Brand)
	price := r.priceFilter()
	return map[string]any{
		"from": r.Offset, "size": r.Limit, "track_total_hits": true, "sort": sorts[r.Sort],
		"query":       map[string]any{"bool": map[string]any{"must": r.textQuery(), "filter": []any{term("active", "true")}}},
		"post_filter": allOf(category, brand, price),
		"aggs": map[string]any{
			"categories": facet("category", allOf(brand, price)),
			"brands":     facet("brand.raw", allOf(category, price)),
			"prices": map[string]any{
				"filter": allOf(category, brand),
				"aggs":   map[string]any{"of": map[string]any{"stats": map[string]any{"field": "min_price"}}},
			},
		},
	}
}

// textQuery allows one typo in words of three to five letters and two in longer ones; exact matches score higher.
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

// allOf combines filters; nil ones are ignored.
func allOf(filters ...any) map[string]any {
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
