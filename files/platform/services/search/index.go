package search

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/elastic/elastic-transport-go/v8/elastictransport"

	"cloudlab.example/platform/internal/config"
	"cloudlab.example/platform/internal/fault"
)

// Elastic is the connection to Elasticsearch.
type Elastic struct {
	URL      string        `env:"ELASTICSEARCH_URL" envDefault:"http://elasticsearch:9200"`
	Username string        `env:"ELASTICSEARCH_USERNAME"`
	Password config.Secret `env:"ELASTICSEARCH_PASSWORD"`
	Index    string        `env:"ELASTICSEARCH_INDEX" envDefault:"products"`
}

// mapping uses only the standard analyzer.
const mapping = `{
  "settings": {"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "500ms"},
  "mappings": {"dynamic": false, "properties": {
    "name": {"type": "text"},
    "description": {"type": "text"},
    "brand": {"type": "text", "fields": {"raw": {"type": "keyword"}}},
    "category": {"type": "keyword", "fields": {"text": {"type": "text"}}},
    "skus": {"type": "keyword", "fields": {"text": {"type": "text"}}},
    "tenant": {"type": "keyword"},
    "min_price": {"type": "long"},
    "max_price": {"type": "long"},
    "active": {"type": "boolean"},
    "version": {"type": "long"},
    "updated_at": {"type": "date"}
  }}
}`

// index is the Elasticsearch index of products.
type index struct {
	name      string
	transport *elastictransport.Client
}

func openIndex(cfg Elastic) (*index, error) {
	address, err := url.Parse(cfg.URL)
	if err != nil || address.Host == "" {
		return nil, fmt.Errorf("ELASTICSEARCH_URL: %q is not a URL", cfg.URL)
	}
	transport, err := elastictransport.NewClient(
		elastictransport.WithURLs(address),
		elastictransport.WithBasicAuth(cfg.Username, cfg.Password.Reveal()),
		elastictransport.WithRetry(2, http.StatusBadGateway, http.StatusServiceUnavailable),
	)
	if err != nil {
		return nil, fmt.Errorf("ELASTICSEARCH_URL: %w", err)
	}
	return &index{cfg.Index, transport}, nil
}

// Content types of request bodies.
const (
	mediaJSON   = "application/json"
	mediaNDJSON = "application/x-ndjson"
)

// call is a request to the REST API. It is sent without the generated client esapi, whose single package of all endpoints takes
// a sixth of the time to compile the platform.
type call struct {
	method, path string
	mediaType    string // of the body; empty without one
	body         []byte
}

// do sends a request and decodes the response into value, unless that is nil. A status in accept is not an error.
func (x *index) do(ctx context.Context, c call, value any, accept ...int) error {
	request, err := http.NewRequestWithContext(ctx, c.method, c.path, bytes.NewReader(c.body))
	if err != nil {
		return err
	}
	if c.mediaType != "" {
		request.Header.Set("Content-Type", c.mediaType)
	}
	response, err := x.transport.Perform(request)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fault.Wrap(fault.Unavailable, err, "Elasticsearch is unavailable")
	}
	defer response.Body.Close()
	if response.StatusCode >= http.StatusBadRequest {
		for _, status := range accept {
			if response.StatusCode == status {
				return nil
			}
		}
		return responseError(response)
	}
	if value == nil {
		_, err := io.Copy(io.Discard, response.Body)
		return err
	}
	return json.NewDecoder(response.Body).Decode(value)
}

func responseError(response *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(response.Body, 2048))
	err := errors.New(string(body))
	if response.StatusCode == http.StatusTooManyRequests || response.StatusCode >= http.StatusInternalServerError {
		return fault.Wrap(fault.Unavailable, err, "Elasticsearch responded with %s", response.Status)
	}
	return fault.Wrap(fault.Internal, err, "Elasticsearch responded with %s", response.Status)
}

// path returns the path of one of the index's endpoints.
func (x *index) path(endpoint string) string {
	return "/" + url.PathEscape(x.name) + endpoint
}

// ping checks that a node can serve requests, not only accept connections.
func (x *index) ping(ctx context.Context) error {
	return x.do(ctx, call{method: http.MethodGet, path: "/_cluster/health?local=true"}, nil)
}

// ensure creates the index; 400 means that it exists.
func (x *index) ensure(ctx context.Context) error {
	return x.do(ctx, call{http.MethodPut, x.path(""), mediaJSON, []byte(mapping)}, nil, http.StatusBadRequest)
}

// put writes documents, except those older than the indexed version, so that duplicate and delayed events are harmless.
func (x *index) put(ctx context.Context, documents []document) error {
	if len(documents) == 0 {
		return nil
	}
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	for _, d := range documents {
		action := map[string]any{"index": map[string]any{"_id": d.ID, "version": d.Version, "version_type": "external"}}
		if err := errors.Join(encoder.Encode(action), encoder.Encode(d)); err != nil {
			return err
		}
	}
	var response bulkResponse
	if err := x.do(ctx, call{http.MethodPost, x.path("/_bulk"), mediaNDJSON, body.Bytes()}, &response); err != nil {
		return err
	}
	return response.err()
}

type bulkResponse struct {
	Errors bool `json:"errors"`
	Items  []struct {
		Index struct {
			ID     string          `json:"_id"`
			Status int             `json:"status"`
			Error  json.RawMessage `json:"error"`
		} `json:"index"`
	} `json:"items"`
}

// err returns the first failure that is not a version conflict.
func (b bulkResponse) err() error {
	if !b.Errors {
		return nil
	}
	for _, item := range b.Items {
		if i := item.Index; i.Status >= http.StatusBadRequest && i.Status != http.StatusConflict {
			return fault.New(fault.Unavailable, "document %s was rejected with %d: %s", i.ID, i.Status, i.Error)
		}
	}
	return nil
}

// result is the response to a search.
type result struct {
	Total  int64            `json:"total"`
	Items  []hit            `json:"items"`
	Facets map[string][]any `json:"facets"`
	Prices *priceRange      `json:"prices,omitempty"`
}

type hit struct {
	document
	Score float64 `json:"score,omitempty"`
}

type priceRange struct {
	Min int64 `json:"min"`
	Max int64 `json:"max"`
}

// searchResponse is the response of Elasticsearch.
type searchResponse struct {
	Hits struct {
		Total struct {
			Value int64 `json:"value"`
		} `json:"total"`
		Hits []struct {
			Score  float64  `json:"_score"`
			Source document `json:"_source"`
		} `json:"hits"`
	} `json:"hits"`
	Aggregations map[string]struct {
		Of struct {
			Buckets []struct {
				Key   string `json:"key"`
				Count int64  `json:"doc_count"`
			} `json:"buckets"`
			Count int64   `json:"count"`
			Min   float64 `json:"min"`
			Max   float64 `json:"max"`
		} `json:"of"`
	} `json:"aggregations"`
}

func (x *index) search(ctx context.Context, r request) (result, error) {
	body, err := json.Marshal(r.body())
	if err != nil {
		return result{}, err
	}
	var response searchResponse
	if err := x.do(ctx, call{http.MethodPost, x.path("/_search"), mediaJSON, body}, &response); err != nil {
		return result{}, err
	}
	return response.result(), nil
}

func (s searchResponse) result() result {
	r := result{Total: s.Hits.Total.Value, Items: []hit{}, Facets: map[string][]any{}}
	for _, h := range s.Hits.Hits {
		r.Items = append(r.Items, hit{h.Source, h.Score})
	}
	for _, name := range []string{"categories", "brands"} {
		r.Facets[name] = []any{}
		for _, bucket := range s.Aggregations[name].Of.Buckets {
			r.Facets[name] = append(r.Facets[name], map[string]any{"value": bucket.Key, "count": bucket.Count})
		}
	}
	if prices := s.Aggregations["prices"].Of; prices.Count > 0 {
		r.Prices = &priceRange{Min: int64(prices.Min), Max: int64(prices.Max)}
	}
	return r
}
