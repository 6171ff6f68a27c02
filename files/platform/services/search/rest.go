package search

import (
	"net/http"

	"cloudlab.example/platform/internal/httpx"
)

func (s *Service) routes(mux *httpx.Mux) {
	mux.Handle("GET /api/v1/search", s.search)
	mux.Handle("GET /api/v1/search/suggestions", s.suggest)
}

func (s *Service) search(w http.ResponseWriter, r *http.Request) error {
	query, err := requestOf(r.URL.Query())
	if err != nil {
		return err
	}
	found, err := s.index.search(r.Context(), query)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, found)
}

// suggest returns names of matching products, best first.
func (s *Service) suggest(w http.ResponseWriter, r *http.Request) error {
	query, err := requestOf(r.URL.Query())
	if err != nil {
		return err
	}
	query.Limit = min(query.Limit, 10)
	found, err := s.index.search(r.Context(), query)
	if err != nil {
		return err
	}
	names := []string{}
	for _, h := range found.Items {
		names = append(names, h.Name)
	}
	return httpx.JSON(w, http.StatusOK, httpx.List[string]{Items: names})
}
