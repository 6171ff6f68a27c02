package content

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"cloudlab.example/platform/internal/auth"
	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/httpx"
)

const (
	immutable       = "public, max-age=31536000, immutable" // the content of an ID never changes
	signedURLTTL    = 15 * time.Minute
	maxSignedURLTTL = 24 * time.Hour
)

// allowedTypes are the types that a browser displays without executing code, as named by http.DetectContentType.
var allowedTypes = map[string]bool{
	"image/png": true, "image/jpeg": true, "image/gif": true, "image/webp": true, "video/mp4": true, "video/webm": true,
	"audio/mpeg": true, "application/pdf": true,
}

// upload reads the content from the body, or from the part "file" of a form. It detects the type and ignores the declared
// one. ?subject=product:<id>, ?filename=, ?alt= and ?visibility=private describe the media.
func (s *Service) upload(w http.ResponseWriter, r *http.Request) error {
	claims, err := auth.Require(r.Context(), auth.MediaWrite)
	if err != nil {
		return err
	}
	data, filename, err := s.read(w, r)
	if err != nil {
		return err
	}
	query := r.URL.Query()
	if query.Get("filename") != "" {
		filename = query.Get("filename")
	}
	m := media{
		ID: uuid.Must(uuid.NewV7()), Tenant: claims.Tenant, Owner: claims.Subject, Subject: query.Get("subject"),
		Filename: filename, Alt: query.Get("alt"), Type: http.DetectContentType(data), Size: int64(len(data)),
		SHA256: sha256.Sum256(data), Public: query.Get("visibility") != "private", CreatedAt: time.Now().UTC(),
	}
	var fields fault.Fields
	fields.Check(allowedTypes[m.Type], "body", "is "+m.Type+"; use an image, video, audio or PDF")
	fields.Check(len(m.Subject) <= 200, "subject", "must have at most 200 bytes")
	fields.Check(len(m.Filename) <= 200, "filename", "must have at most 200 bytes")
	fields.Check(len(m.Alt) <= 1000, "alt", "must have at most 1000 bytes")
	if err := fields.Err(); err != nil {
		return err
	}
	if err := s.store.add(r.Context(), m, data); err != nil {
		return err
	}
	w.Header().Set("Location", path(m.ID))
	return httpx.JSON(w, http.StatusCreated, m)
}

// read returns the content and, for a form, the name of the file.
func (s *Service) read(w http.ResponseWriter, r *http.Request) ([]byte, string, error) {
	var source io.Reader = http.MaxBytesReader(w, r.Body, s.maxBytes)
	filename := ""
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "multipart/form-data" {
		r.Body = io.NopCloser(source)
		form, err := r.MultipartReader()
		if err != nil {
			return nil, "", fault.Wrap(fault.Invalid, err, "the form is malformed")
		}
		part, err := form.NextPart()
		if err != nil || part.FormName() != "file" {
			return nil, "", fault.Wrap(fault.Invalid, err, "the first part of the form must be %q", "file")
		}
		source, filename = part, part.FileName()
	}
	data, err := io.ReadAll(source)
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, "", fault.New(fault.TooLarge, "the upload exceeds %d bytes", s.maxBytes)
	}
	if err != nil || len(data) == 0 {
		return nil, "", fault.Wrap(fault.Invalid, err, "the upload is empty or incomplete")
	}
	return data, filename, nil
}

func path(id uuid.UUID) string { return "/api/v1/media/" + id.String() }

func (s *Service) list(w http.ResponseWriter, r *http.Request) error {
	page, err := httpx.PageOf(r)
	if err != nil {
		return err
	}
	found, err := s.store.list(r.Context(), r.URL.Query().Get("subject"), page)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, httpx.ListOf(page, found, func(m media) uuid.UUID { return m.ID }))
}

// visibleMedia returns the media of the path if the caller may see it. Private media is visible to its tenant.
func (s *Service) visibleMedia(r *http.Request) (media, error) {
	m, err := s.mediaOf(r)
	if err != nil || m.Public {
		return m, err
	}
	claims, err := auth.Caller(r.Context())
	if err != nil {
		return m, err
	}
	if claims.Tenant != m.Tenant && !claims.Can(auth.PlatformAdmin) {
		return m, notFound(m.ID)
	}
	return m, nil
}

// mediaOf returns the media of the path.
func (s *Service) mediaOf(r *http.Request) (media, error) {
	id, err := httpx.PathID(r, "media")
	if err != nil {
		return media{}, err
	}
	return s.store.get(r.Context(), id)
}

func (s *Service) get(w http.ResponseWriter, r *http.Request) error {
	m, err := s.visibleMedia(r)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, m)
}

// content serves the content: to everyone if public, otherwise to the tenant and to holders of a signed URL.
func (s *Service) content(w http.ResponseWriter, r *http.Request) error {
	m, err := s.mediaOf(r)
	if err != nil {
		return err
	}
	caching := immutable
	if !m.Public {
		remaining := s.signer.valid(m.ID, r.URL.Query())
		if remaining == 0 {
			if m, err = s.visibleMedia(r); err != nil {
				return err
			}
		}
		caching = fmt.Sprintf("private, max-age=%d", int(remaining.Seconds()))
	}
	tag := `"` + hex.EncodeToString(m.SHA256[:]) + `"`
	header := w.Header()
	header.Set("ETag", tag)
	header.Set("Cache-Control", caching)
	header.Set("Content-Type", m.Type)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	if m.Filename != "" {
		header.Set("Content-Disposition", mime.FormatMediaType("inline", map[string]string{"filename": m.Filename}))
	}
	var data []byte
	if !strings.Contains(r.Header.Get("If-None-Match"), tag) { // otherwise ServeContent responds with 304
		if data, err = s.store.data(r.Context(), m.SHA256); err != nil {
			return err
		}
	}
	serveContent(w, r, m, bytes.NewReader(data))
	return nil
}

func (s *Service) signURL(w http.ResponseWriter, r *http.Request) error {
	if _, err := auth.Require(r.Context(), auth.MediaWrite); err != nil {
		return err
	}
	var body struct {
		ExpiresIn int `json:"expires_in"` // seconds; 0 is the default
	}
	if err := httpx.Decode(w, r, &body); err != nil {
		return err
	}
	ttl := time.Duration(body.ExpiresIn) * time.Second
	if ttl == 0 {
		ttl = signedURLTTL
	}
	var fields fault.Fields
	fields.Check(ttl > 0 && ttl <= maxSignedURLTTL, "expires_in", "must be 1 to 86400 seconds")
	if err := fields.Err(); err != nil {
		return err
	}
	m, err := s.visibleMedia(r)
	if err != nil {
		return err
	}
	until := s.signer.now().Add(ttl)
	return httpx.JSON(w, http.StatusCreated, map[string]any{
		"url":        s.publicURL + path(m.ID) + "/content?" + s.signer.sign(m.ID, until).Encode(),
		"expires_at": until.UTC().Truncate(time.Second),
	})
}

func (s *Service) remove(w http.ResponseWriter, r *http.Request) error {
	claims, err := auth.Require(r.Context(), auth.MediaWrite)
	if err != nil {
		return err
	}
	m, err := s.mediaOf(r)
	if err != nil {
		return err
	}
	if m.Owner != claims.Subject && !claims.Can(auth.PlatformAdmin) {
		return notFound(m.ID)
	}
	if err := s.store.remove(r.Context(), m); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
