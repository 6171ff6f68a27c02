package inventory

import (
	"cmp"
	"net/http"

	"cloudlab.example/platform/internal/auth"
	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/httpx"
)

const defaultWarehouse = "main"

func (s *Service) routes(mux *httpx.Mux) {
	mux.Handle("GET /api/v1/inventory/{sku}", s.get)
	mux.Handle("GET /api/v1/inventory/{sku}/levels", s.getLevels)
	mux.Handle("POST /api/v1/inventory/{sku}/adjustments", s.adjust)
	mux.Handle("GET /api/v1/warehouses", s.listWarehouses)
	mux.Handle("PUT /api/v1/warehouses/{code}", s.putWarehouse)
}

func (s *Service) get(w http.ResponseWriter, r *http.Request) error {
	sku := r.PathValue("sku")
	totals, err := s.store.totals(r.Context(), s.store.pool, []string{sku})
	if err != nil {
		return err
	}
	if len(totals) == 0 {
		return fault.New(fault.NotFound, "SKU %q not found", sku)
	}
	return httpx.JSON(w, http.StatusOK, totals[0])
}

func (s *Service) getLevels(w http.ResponseWriter, r *http.Request) error {
	if _, err := auth.Require(r.Context(), auth.InventoryWrite); err != nil {
		return err
	}
	levels, err := s.store.levels(r.Context(), r.PathValue("sku"))
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, httpx.List[level]{Items: levels})
}

// adjustment is a delivery (positive) or a loss (negative).
type adjustment struct {
	Warehouse string `json:"warehouse"`
	Delta     int64  `json:"delta"`
}

// Validate is called by httpx.Decode.
func (a adjustment) Validate() error {
	var fields fault.Fields
	fields.Check(a.Delta != 0 && a.Delta > -1_000_000_000 && a.Delta < 1_000_000_000, "delta",
		"must be a nonzero number of pieces")
	return fields.Err()
}

func (s *Service) adjust(w http.ResponseWriter, r *http.Request) error {
	claims, err := auth.Require(r.Context(), auth.InventoryWrite)
	if err != nil {
		return err
	}
	tenant := claims.Tenant
	if claims.Can(auth.PlatformAdmin) {
		tenant = ""
	}
	var body adjustment
	if err := httpx.Decode(w, r, &body); err != nil {
		return err
	}
	after, err := s.store.adjust(r.Context(), tenant, r.PathValue("sku"), cmp.Or(body.Warehouse, defaultWarehouse), body.Delta)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, after)
}

func (s *Service) listWarehouses(w http.ResponseWriter, r *http.Request) error {
	if _, err := auth.Caller(r.Context()); err != nil {
		return err
	}
	found, err := s.store.warehouses(r.Context())
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, httpx.List[warehouse]{Items: found})
}

func (s *Service) putWarehouse(w http.ResponseWriter, r *http.Request) error {
	if _, err := auth.Require(r.Context(), auth.PlatformAdmin); err != nil {
		return err
	}
	var body warehouse
	if err := httpx.Decode(w, r, &body); err != nil {
		return err
	}
	body.Code = r.PathValue("code")
	var fields fault.Fields
	fields.Check(body.Name != "", "name", "is required")
	if err := fields.Err(); err != nil {
		return err
	}
	if err := s.store.putWarehouse(r.Context(), body); err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, body)
}
