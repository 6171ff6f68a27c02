package product

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"cloudlab.example/platform/internal/auth"
	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/httpx"
)

func (s *Service) routes(mux *httpx.Mux) {
	mux.Handle("GET /api/v1/categories", s.listCategories)
	mux.Handle("PUT /api/v1/categories/{slug}", s.putCategory)
	mux.Handle("GET /api/v1/products", s.list)
	mux.Handle("POST /api/v1/products", s.create)
	mux.Handle("GET /api/v1/products/{id}", s.get)
	mux.Handle("PUT /api/v1/products/{id}", s.replace)
	mux.Handle("DELETE /api/v1/products/{id}", s.withdraw)
}

// draft is the body of a new or changed product.
type draft struct {
	Name        string         `json:"name"`
	Description string         `json:"description"`
	Brand       string         `json:"brand"`
	Category    string         `json:"category"`
	Variants    []draftVariant `json:"variants"`
}

type draftVariant struct {
	SKU      string `json:"sku"`
	Name     string `json:"name"`
	Price    int64  `json:"price"`
	Currency string `json:"currency"`
}

var (
	skuPattern      = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	currencyPattern = regexp.MustCompile(`^[A-Z]{3}$`)
	slugPattern     = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
)

// Validate is called by httpx.Decode.
func (d draft) Validate() error {
	var fields fault.Fields
	fields.Check(d.Name != "" && len(d.Name) <= 200, "name", "must have 1 to 200 bytes")
	fields.Check(len(d.Description) <= 10_000, "description", "must have at most 10000 bytes")
	fields.Check(d.Category != "", "category", "is required")
	fields.Check(len(d.Variants) >= 1 && len(d.Variants) <= 50, "variants", "must have 1 to 50 entries")
	seen := map[string]bool{}
	for i, v := range d.Variants {
		at := fmt.Sprintf("variants[%d].", i)
		fields.Check(skuPattern.MatchString(v.SKU), at+"sku", "must be 1 to 64 letters, digits, dots, dashes and underscores")
		fields.Check(!seen[v.SKU], at+"sku", "must be unique")
		fields.Check(v.Price >= 0, at+"price", "must not be negative; it is in the smallest unit of the currency")
		fields.Check(currencyPattern.MatchString(v.Currency), at+"currency", "must be an ISO 4217 code such as EUR")
		seen[v.SKU] = true
	}
	return fields.Err()
}

func (s *Service) list(w http.ResponseWriter, r *http.Request) error {
	page, err := httpx.PageOf(r)
	if err != nil {
		return err
	}
	query := r.URL.Query()
	found, err := s.store.products(r.Context(), filter{Category: query.Get("category"), Brand: query.Get("brand")}, page)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, httpx.ListOf(page, found, func(p product) uuid.UUID { return p.ID }))
}

func (s *Service) get(w http.ResponseWriter, r *http.Request) error {
	id, err := httpx.PathID(r, "product")
	if err != nil {
		return err
	}
	p, err := s.store.product(r.Context(), id)
	if err != nil {
		return err
	}
	return writeProduct(w, http.StatusOK, p)
}

// writeProduct responds with a product and its version as a weak ETag: its availability may change without a new version.
func writeProduct(w http.ResponseWriter, status int, p product) error {
	w.Header().Set("ETag", etag(p.Version))
	return httpx.JSON(w, status, p)
}

func etag(version int64) string { return fmt.Sprintf(`W/"%d"`, version) }

// versionOf reads If-Match; 0 if there is none.
func versionOf(r *http.Request) (int64, error) {
	header := r.Header.Get("If-Match")
	if header == "" || header == "*" {
		return 0, nil
	}
	version, err := strconv.ParseInt(strings.Trim(strings.TrimPrefix(header, "W/"), `"`), 10, 64)
	if err != nil || version < 1 {
		return 0, fault.New(fault.Invalid, "If-Match must be the ETag of the product")
	}
	return version, nil
}

// editor returns the caller and the tenant whose products it may change; "" is any.
func editor(r *http.Request) (auth.Claims, string, error) {
	claims, err := auth.Require(r.Context(), auth.CatalogueWrite)
	if claims.Can(auth.PlatformAdmin) {
		return claims, "", err
	}
	return claims, claims.Tenant, err
}

func (s *Service) create(w http.ResponseWriter, r *http.Request) error {
	claims, _, err := editor(r)
	if err != nil {
		return err
	}
	var body draft
	if err := httpx.Decode(w, r, &body); err != nil {
		return err
	}
	p, err := s.store.create(r.Context(), claims.Tenant, body)
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/api/v1/products/"+p.ID.String())
	return writeProduct(w, http.StatusCreated, p)
}

func (s *Service) replace(w http.ResponseWriter, r *http.Request) error {
	_, tenant, err := editor(r)
	if err != nil {
		return err
	}
	id, err := httpx.PathID(r, "product")
	if err != nil {
		return err
	}
	version, err := versionOf(r)
	if err != nil {
		return err
	}
	var body draft
	if err := httpx.Decode(w, r, &body); err != nil {
		return err
	}
	p, err := s.store.replace(r.Context(), tenant, id, version, body)
	if err != nil {
		return err
	}
	return writeProduct(w, http.StatusOK, p)
}

func (s *Service) withdraw(w http.ResponseWriter, r *http.Request) error {
	_, tenant, err := editor(r)
	if err != nil {
		return err
	}
	id, err := httpx.PathID(r, "product")
	if err != nil {
		return err
	}
	if err := s.store.withdraw(r.Context(), tenant, id); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Service) listCategories(w http.ResponseWriter, r *http.Request) error {
	found, err := s.store.categories(r.Context())
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, httpx.List[category]{Items: found})
}

func (s *Service) putCategory(w http.ResponseWriter, r *http.Request) error {
	if _, err := auth.Require(r.Context(), auth.PlatformAdmin); err != nil {
		return err
	}
	var body category
	if err := httpx.Decode(w, r, &body); err != nil {
		return err
	}
	body.Slug = r.PathValue("slug")
	var fields fault.Fields
	fields.Check(slugPattern.MatchString(body.Slug), "slug", "must be lowercase letters and digits, separated by dashes")
	fields.Check(body.Name != "", "name", "is required")
	if err := fields.Err(); err != nil {
		return err
	}
	if err := s.store.putCategory(r.Context(), body); err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, body)
}
