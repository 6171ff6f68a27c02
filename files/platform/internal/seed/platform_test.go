package seed

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

const (
	adminEmail    = "admin@shop.example"
	adminPassword = "administrator"
	userPassword  = "development"
	shortPage     = 3 // items of a page, whatever the request allows, so that there are several
)

// inMemory is a transport that calls a handler without a network: in a synctest bubble, waits take no time.
type inMemory struct{ handler http.Handler }

func (m inMemory) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	defer func() {
		if what := recover(); what == http.ErrAbortHandler {
			err = io.ErrUnexpectedEOF
		} else if what != nil {
			panic(what)
		}
	}()
	recorder := httptest.NewRecorder()
	r = r.Clone(r.Context())
	if r.Body == nil {
		r.Body = http.NoBody
	}
	m.handler.ServeHTTP(recorder, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return recorder.Result(), nil
}

// gatewayTo returns a gateway whose requests go to a handler.
func gatewayTo(t *testing.T, handler http.Handler) *Gateway {
	t.Helper()
	gateway, err := NewGateway("http://gateway.example:8080", 4)
	if err != nil {
		t.Fatal(err)
	}
	gateway.client.Transport = inMemory{handler}
	return gateway
}

// platform is a shop in memory with the rules that make a seeding repeatable. As in the real one, only the
// administrator changes categories, warehouses and stock, and only the owner of a tenant invites and sells.
type platform struct {
	mux http.ServeMux

	mu         sync.Mutex
	intercept  func(r *http.Request, next func()) // serves a request in its own way, or calls next
	requests   []string
	accounts   map[string]account
	sessions   map[string]string // email by token
	logins     int
	categories map[string]string
	warehouses map[string]string
	products   []soldProduct
	stock      map[string]map[string]int // pieces by SKU and warehouse
	orders     []placedOrder
	keys       map[string]placedOrder
	hidden     bool // lists lack everything, because they are behind
	unindexed  int  // products that search does not find yet
	uncounted  int  // orders that analytics has not counted yet
}

type account struct {
	password, tenant string
	owner            bool
}

type soldProduct struct {
	name, tenant string
	skus         []string
	withdrawn    bool
}

type placedOrder struct {
	Email string `json:"email"`
	Lines []Item `json:"lines"`
	State string `json:"state"`
	body  string
}

// payload has the fields of all requests.
type payload struct {
	Email, Password, Tenant, Invitation, Name, Parent, Warehouse string
	Delta                                                        int
	Variants                                                     []struct{ SKU string }
	Items                                                        []Item
	CardToken                                                    string `json:"card_token"`

	user   string // who is logged in
	text   string
	header http.Header
	query  map[string][]string
	key    string // the last part of the path that is variable
}

// refusal is the detail of a response that is an error.
type refusal string

func newPlatform() *platform {
	p := &platform{
		intercept:  func(_ *http.Request, next func()) { next() },
		accounts:   map[string]account{adminEmail: {adminPassword, "platform", true}},
		sessions:   map[string]string{},
		categories: map[string]string{"home": "Home"},
		warehouses: map[string]string{"main": "Main"},
		stock:      map[string]map[string]int{},
		keys:       map[string]placedOrder{},
	}
	p.mux.HandleFunc("GET /api/v1/users", p.route(p.users))
	p.mux.HandleFunc("POST /api/v1/auth/login", p.route(p.login))
	p.mux.HandleFunc("POST /api/v1/auth/logout", p.route(p.logout))
	p.mux.HandleFunc("POST /api/v1/auth/invitations", p.route(p.invite))
	p.mux.HandleFunc("POST /api/v1/auth/register", p.route(p.register))
	p.mux.HandleFunc("GET /api/v1/categories", p.route(p.listCategories))
	p.mux.HandleFunc("PUT /api/v1/categories/{key}", p.route(p.putCategory))
	p.mux.HandleFunc("GET /api/v1/warehouses", p.route(p.listWarehouses))
	p.mux.HandleFunc("PUT /api/v1/warehouses/{key}", p.route(p.putWarehouse))
	p.mux.HandleFunc("GET /api/v1/products", p.route(p.listProducts))
	p.mux.HandleFunc("POST /api/v1/products", p.route(p.createProduct))
	p.mux.HandleFunc("GET /api/v1/inventory/{key}/levels", p.route(p.levels))
	p.mux.HandleFunc("POST /api/v1/inventory/{key}/adjustments", p.route(p.adjust))
	p.mux.HandleFunc("GET /api/v1/orders", p.route(p.listOrders))
	p.mux.HandleFunc("POST /api/v1/orders", p.route(p.placeOrder))
	p.mux.HandleFunc("GET /api/v1/search", p.route(p.search))
	p.mux.HandleFunc("GET /api/v1/analytics/funnel", p.route(p.funnel))
	return p
}

func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests = append(p.requests, r.Method+" "+r.URL.Path)
	p.intercept(r, func() { p.mux.ServeHTTP(w, r) })
}

// writes returns the requests that change more than a session.
func (p *platform) writes() []string {
	return slices.DeleteFunc(slices.Clone(p.requests), func(text string) bool {
		return !isWrite(strings.Cut(text, " "))
	})
}

func isWrite(method, path string, _ bool) bool {
	return method != http.MethodGet && !strings.HasSuffix(path, "/login") && !strings.HasSuffix(path, "/logout")
}

// route decodes a request, calls do with it and sends its answer.
func (p *platform) route(do func(payload) (int, any)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		in := payload{
			user:   p.sessions[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")],
			text:   string(text),
			header: r.Header,
			query:  r.URL.Query(),
			key:    r.PathValue("key"),
		}
		open := strings.HasSuffix(r.URL.Path, "/login") || strings.HasSuffix(r.URL.Path, "/register")
		var status int
		var answer any
		if in.user == "" && !open {
			status, answer = refuse(http.StatusUnauthorized, "no valid token")
		} else if err := json.Unmarshal(text, &in); len(text) > 0 && err != nil {
			status, answer = refuse(http.StatusBadRequest, "%s", err)
		} else {
			status, answer = do(in)
		}
		switch found := answer.(type) {
		case refusal:
			answer = map[string]string{"detail": string(found), "request_id": "r-1"}
		case placedOrder:
			if status == http.StatusOK {
				w.Header().Set("Idempotent-Replayed", "true")
			}
		}
		w.WriteHeader(status)
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			panic(http.ErrAbortHandler)
		}
	}
}

func refuse(status int, format string, args ...any) (int, any) {
	return status, refusal(fmt.Sprintf(format, args...))
}
