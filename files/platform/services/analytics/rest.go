package analytics

import (
	"net/http"
	"strconv"

	"cloudlab.example/platform/internal/auth"
	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/httpx"
)

func (s *Service) routes(mux *httpx.Mux) {
	mux.Handle("GET /api/v1/analytics/summary", s.summary)
	mux.Handle("GET /api/v1/analytics/orders-per-minute", s.perMinute)
	mux.Handle("GET /api/v1/analytics/funnel", s.funnel)
	mux.Handle("GET /api/v1/analytics/events", s.events)
}

// authorizedParam checks the permission and reads a number from the query.
func authorizedParam(r *http.Request, name string, fallback, limit int) (int, error) {
	if _, err := auth.Require(r.Context(), auth.AnalyticsRead); err != nil {
		return 0, err
	}
	text := r.URL.Query().Get(name)
	if text == "" {
		return fallback, nil
	}
	n, err := strconv.Atoi(text)
	var fields fault.Fields
	fields.Check(err == nil && n >= 1 && n <= limit, name, "must be a number from 1 to "+strconv.Itoa(limit))
	return n, fields.Err()
}

func (s *Service) summary(w http.ResponseWriter, r *http.Request) error {
	hours, err := authorizedParam(r, "hours", 24, 24*366)
	if err != nil {
		return err
	}
	found, err := s.store.summary(r.Context(), hours)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, found)
}

func (s *Service) perMinute(w http.ResponseWriter, r *http.Request) error {
	minutes, err := authorizedParam(r, "minutes", 60, 24*60)
	if err != nil {
		return err
	}
	found, err := s.store.perMinute(r.Context(), minutes)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, httpx.List[minute]{Items: found})
}

// stage is a stage of the order funnel; Ratio is relative to the previous stage.
type stage struct {
	Name  string  `json:"name"`
	Count uint64  `json:"count"`
	Ratio float64 `json:"ratio"`
}

var stages = []struct{ name, event string }{
	{"registered", "user.registered"},
	{"placed", "order.placed"},
	{"reserved", "order.reserved"},
	{"paid", "order.paid"},
	{"confirmed", "order.confirmed"},
}

func funnelOf(counts map[string]uint64) []stage {
	found := make([]stage, len(stages))
	for i, s := range stages {
		found[i] = stage{Name: s.name, Count: counts[s.event], Ratio: 1}
		if i > 0 && found[i-1].Count > 0 {
			found[i].Ratio = float64(found[i].Count) / float64(found[i-1].Count)
		}
	}
	return found
}

func (s *Service) funnel(w http.ResponseWriter, r *http.Request) error {
	hours, err := authorizedParam(r, "hours", 24, 24*366)
	if err != nil {
		return err
	}
	counts, err := s.store.counts(r.Context(), hours)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, httpx.List[stage]{Items: funnelOf(counts)})
}

// events lists the newest events; ?of= selects a type or an aggregate.
func (s *Service) events(w http.ResponseWriter, r *http.Request) error {
	limit, err := authorizedParam(r, "limit", 20, 500)
	if err != nil {
		return err
	}
	found, err := s.store.latest(r.Context(), r.URL.Query().Get("of"), limit)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, httpx.List[recorded]{Items: found})
}
