package content

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"cloudlab.example/platform/internal/auth"
	"cloudlab.example/platform/internal/httpx"
)

// memoryStore is a mediaStore in memory.
type memoryStore struct {
	media map[uuid.UUID]media
	blobs map[digest][]byte
}

func (s *memoryStore) add(_ context.Context, m media, data []byte) error {
	s.media[m.ID], s.blobs[m.SHA256] = m, data
	return nil
}

func (s *memoryStore) get(_ context.Context, id uuid.UUID) (media, error) {
	m, ok := s.media[id]
	if !ok {
		return m, notFound(id)
	}
	return m, nil
}

func (s *memoryStore) data(_ context.Context, sum digest) ([]byte, error) { return s.blobs[sum], nil }

func (s *memoryStore) list(_ context.Context, subject string, _ httpx.Page) ([]media, error) {
	var found []media
	for _, m := range s.media {
		if m.Public && m.Subject == subject {
			found = append(found, m)
		}
	}
	return found, nil
}

func (s *memoryStore) remove(_ context.Context, m media) error {
	delete(s.media, m.ID)
	return nil
}

type client struct {
	t       *testing.T
	service *Service
	claims  *auth.Claims
}

func newClient(t *testing.T) *client {
	return &client{t: t, service: &Service{
		store:  &memoryStore{map[uuid.UUID]media{}, map[digest][]byte{}},
		signer: newSigner("key"), maxBytes: 1 << 16,
	}}
}

func (c client) as(tenant string) client {
	claims := auth.Claims{Tenant: tenant, Permissions: []string{auth.MediaWrite}}
	claims.Subject = "user of " + tenant
	c.claims = &claims
	return c
}

func (c client) do(method, path string, body io.Reader, headers ...string) *httptest.ResponseRecorder {
	c.t.Helper()
	mux := &httpx.Mux{}
	c.service.routes(mux)
	r := httptest.NewRequest(method, path, body)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	if c.claims != nil {
		r = r.WithContext(auth.WithClaims(r.Context(), *c.claims))
	}
	recorder := httptest.NewRecorder()
	mux.ServeHTTP(recorder, r)
	return recorder
}

func picture(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, image.NewRGBA(image.Rect(0, 0, 8, 8))); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func (c client) upload(query string) media {
	c.t.Helper()
	response := c.do("POST", "/api/v1/media?"+query, bytes.NewReader(picture(c.t)))
	var m struct{ ID uuid.UUID }
	if err := json.Unmarshal(response.Body.Bytes(), &m); err != nil || response.Code != http.StatusCreated {
		c.t.Fatalf("upload: %d %s", response.Code, response.Body)
	}
	return media{ID: m.ID}
}

func TestContentIsCacheable(t *testing.T) {
	c := newClient(t)
	content := path(c.as("t1").upload("subject=product:1&filename=a.png").ID) + "/content"
	full := c.do("GET", content, nil)
	if full.Code != 200 || full.Header().Get("Content-Type") != "image/png" || full.Header().Get("Cache-Control") != immutable ||
		!bytes.Equal(full.Body.Bytes(), picture(t)) {
		t.Fatalf("%d %v", full.Code, full.Header())
	}
	tag := full.Header().Get("ETag")
	tests := []struct {
		name     string
		headers  []string
		status   int
		length   int
		contains string
	}{
		{"known", []string{"If-None-Match", tag}, 304, 0, ""},
		{"known, another tag", []string{"If-None-Match", `"x"`}, 200, full.Body.Len(), ""},
		{"range", []string{"Range", "bytes=0-3"}, 206, 4, "bytes 0-3/"},
		{"end", []string{"Range", "bytes=-2"}, 206, 2, "bytes "},
		{"beyond", []string{"Range", "bytes=99999-"}, 416, -1, "bytes */"},
		{"stale If-Range", []string{"Range", "bytes=0-3", "If-Range", `"x"`}, 200, full.Body.Len(), ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			response := c.do("GET", content, nil, test.headers...)
			if response.Code != test.status || (test.length >= 0 && response.Body.Len() != test.length) ||
				!strings.Contains(response.Header().Get("Content-Range"), test.contains) {
				t.Errorf("%d, %d bytes, %v", response.Code, response.Body.Len(), response.Header())
			}
		})
	}
}

func TestPrivateMedia(t *testing.T) {
	c := newClient(t)
	id := c.as("t1").upload("visibility=private").ID
	content := path(id) + "/content"
	for name, test := range map[string]struct {
		client client
		want   int
	}{"anonymous": {*c, 401}, "another tenant": {c.as("t2"), 404}, "own tenant": {c.as("t1"), 200}} {
		if response := test.client.do("GET", content, nil); response.Code != test.want {
			t.Errorf("%s: %d, want %d", name, response.Code, test.want)
		}
	}
	var signed struct{ URL string }
	response := c.as("t1").do("POST", path(id)+"/signed-url", strings.NewReader(`{"expires_in":60}`))
	if err := json.Unmarshal(response.Body.Bytes(), &signed); err != nil || response.Code != 201 {
		t.Fatalf("%d %s", response.Code, response.Body)
	}
	if response := c.do("GET", signed.URL, nil); response.Code != 200 || !strings.HasPrefix(response.Header().Get("Cache-Control"), "private") {
		t.Errorf("signed: %d %v", response.Code, response.Header())
	}
	other := path(c.as("t1").upload("visibility=private").ID) + signed.URL[strings.Index(signed.URL, "/content"):]
	for name, url := range map[string]string{"tampered": signed.URL + "x", "of another medium": other} {
		if response := c.do("GET", url, nil); response.Code != 401 {
			t.Errorf("%s: %d", name, response.Code)
		}
	}
	c.service.signer.now = func() time.Time { return time.Now().Add(2 * time.Minute) }
	if response := c.do("GET", signed.URL, nil); response.Code != 401 {
		t.Errorf("expired: %d", response.Code)
	}
}

func TestUpload(t *testing.T) {
	var form bytes.Buffer
	writer := multipart.NewWriter(&form)
	part, _ := writer.CreateFormFile("file", "lamp.png")
	_, _ = part.Write(picture(t))
	_ = writer.Close()
	tests := []struct {
		name, kind string
		body       io.Reader
		status     int
		contains   string
	}{
		{"a form", writer.FormDataContentType(), &form, 201, "lamp.png"},
		{"a page with a script", "image/png", strings.NewReader("<html><script>"), 422, "text/html"},
		{"nothing", "image/png", http.NoBody, 422, "empty"},
		{"too much", "image/png", bytes.NewReader(make([]byte, 1<<16+1)), 413, "exceeds"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			response := newClient(t).as("t1").do("POST", "/api/v1/media", test.body, "Content-Type", test.kind)
			if response.Code != test.status || !strings.Contains(response.Body.String(), test.contains) {
				t.Errorf("%d %s", response.Code, response.Body)
			}
		})
	}
	if response := newClient(t).do("POST", "/api/v1/media", bytes.NewReader(picture(t))); response.Code != 401 {
		t.Errorf("anonymous: %d", response.Code)
	}
}

func TestRemove(t *testing.T) {
	c := newClient(t)
	at := path(c.as("t1").upload("").ID)
	if response := c.as("t2").do("DELETE", at, nil); response.Code != 404 {
		t.Errorf("another user: %d", response.Code)
	}
	if response := c.as("t1").do("DELETE", at, nil); response.Code != 204 {
		t.Errorf("owner: %d", response.Code)
	}
	if response := c.do("GET", at, nil); response.Code != 404 {
		t.Errorf("removed: %d", response.Code)
	}
}
