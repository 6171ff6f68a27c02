package search

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/httpx"
	"cloudlab.example/platform/internal/kafka"
)

// fakeElastic responds to every request with a status and a body, and records the request.
func fakeElastic(t *testing.T, status int, body string) (*index, *string) {
	t.Helper()
	request := new(string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, _ := io.ReadAll(r.Body)
		*request = r.Method + " " + r.URL.Path + "\n" + string(sent)
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	idx, err := openIndex(Elastic{URL: server.URL, Index: "products"})
	if err != nil {
		t.Fatal(err)
	}
	return idx, request
}

func TestRequestOf(t *testing.T) {
	r, err := requestOf(url.Values{"q": {"lmap"}, "limit": {"5"}, "min_price": {"100"}, "sort": {"price"}})
	if err != nil || r.Text != "lmap" || r.Limit != 5 || r.MinPrice != 100 || r.Sort != "price" {
		t.Fatalf("%+v, %v", r, err)
	}
	for _, query := range []url.Values{{"limit": {"101"}}, {"offset": {"-1"}}, {"sort": {"random"}}, {"max_price": {"x"}}} {
		if _, err := requestOf(query); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%v: %v", query, err)
		}
	}
}

func TestBodyUsesOnlyStandardAnalyzer(t *testing.T) {
	body, err := json.Marshal(request{Text: "lmap", Category: "home", MaxPrice: 5000, Sort: "relevance", Limit: 20}.body())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"fuzziness":"AUTO"`, `"term":{"category":"home"}`, `"lte":5000`, `"term":{"active":"true"}`} {
		if !strings.Contains(string(body), want) {
			t.Errorf("%s is not in %s", want, body)
		}
	}
	if strings.Contains(string(body)+mapping, `"script"`) || strings.Contains(mapping, "analyzer") {
		t.Error("scripts and language analyzers are not available in every distribution")
	}
}

func TestDocumentOf(t *testing.T) {
	event := kafka.Event{Type: "product.updated", Data: []byte(`{"id":"p1","name":"Lamp","version":3,"active":true,
		"variants":[{"sku":"A","price":300,"currency":"EUR"},{"sku":"B","price":100,"currency":"EUR"}]}`)}
	d, ok := documentOf(t.Context(), event)
	if !ok || d.MinPrice != 100 || d.MaxPrice != 300 || len(d.SKUs) != 2 || d.Version != 3 {
		t.Errorf("%+v, %v", d, ok)
	}
	if _, ok := documentOf(t.Context(), kafka.Event{Data: []byte(`{"id":1}`)}); ok {
		t.Error("an event without a product was indexed")
	}
}

func TestPut(t *testing.T) {
	tests := []struct {
		name, response string
		status         int
		retry          bool
	}{
		{"stored", `{"errors":false}`, 200, false},
		{"an older event is left out", `{"errors":true,"items":[{"index":{"_id":"p1","status":409}}]}`, 200, false},
		{"refused", `{"errors":true,"items":[{"index":{"_id":"p1","status":429}}]}`, 200, true},
		{"overloaded", `{}`, 429, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			idx, request := fakeElastic(t, test.status, test.response)
			err := idx.put(t.Context(), []document{{ID: "p1", Version: 7}})
			if fault.Retryable(err) != test.retry || (err != nil) != test.retry {
				t.Errorf("error %v", err)
			}
			if !strings.Contains(*request, `"version":7,"version_type":"external"`) {
				t.Errorf("asked %s", *request)
			}
		})
	}
}

func TestSearchRoute(t *testing.T) {
	idx, _ := fakeElastic(t, 200, `{"hits":{"total":{"value":1},"hits":[{"_score":2.5,"_source":{"id":"p1","name":"Lamp"}}]},
		"aggregations":{"categories":{"of":{"buckets":[{"key":"home","doc_count":1}]}},"prices":{"of":{"count":1,"min":100,"max":300}}}}`)
	mux := &httpx.Mux{}
	(&Service{index: idx}).routes(mux)
	recorder := httptest.NewRecorder()
	mux.ServeHTTP(recorder, httptest.NewRequest("GET", "/api/v1/search?q=lmap", nil))
	var got result
	if err := json.Unmarshal(recorder.Body.Bytes(), &got); err != nil || recorder.Code != 200 {
		t.Fatalf("%d %s %v", recorder.Code, recorder.Body, err)
	}
	if got.Total != 1 || got.Items[0].Name != "Lamp" || len(got.Facets["categories"]) != 1 || got.Prices.Max != 300 {
		t.Errorf("%s", recorder.Body)
	}
}

func TestElasticsearchUnavailable(t *testing.T) {
	idx, err := openIndex(Elastic{URL: "http://127.0.0.1:1", Index: "products"})
	if err != nil {
		t.Fatal(err)
	}
	if err := idx.ping(t.Context()); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("error %v", err)
	}
}
