package content

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/httpx"
	"cloudlab.example/platform/internal/kafka"
	"cloudlab.example/platform/internal/outbox"
)

// digest is a SHA-256, hexadecimal in JSON.
type digest [sha256.Size]byte

func (d digest) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(d[:])), nil }

// media describes an upload in responses and events.
type media struct {
	ID        uuid.UUID `json:"id"`
	Tenant    string    `json:"tenant"`
	Owner     string    `json:"owner"`
	Subject   string    `json:"subject,omitempty"` // for example "product:<id>"
	Filename  string    `json:"filename,omitempty"`
	Alt       string    `json:"alt,omitempty"`
	Type      string    `json:"type"`
	Size      int64     `json:"size"`
	SHA256    digest    `json:"sha256"`
	Public    bool      `json:"public"`
	CreatedAt time.Time `json:"created_at"`
}

const columns = `id, tenant, owner, subject, filename, alt, type, size, sha256, public, created_at`

func scan(row pgx.CollectableRow) (media, error) {
	var m media
	var sum []byte
	err := row.Scan(&m.ID, &m.Tenant, &m.Owner, &m.Subject, &m.Filename, &m.Alt, &m.Type, &m.Size, &sum, &m.Public, &m.CreatedAt)
	copy(m.SHA256[:], sum)
	return m, err
}

// mediaStore is the store that the service uses.
type mediaStore interface {
	add(ctx context.Context, m media, data []byte) error
	get(ctx context.Context, id uuid.UUID) (media, error)
	data(ctx context.Context, sum digest) ([]byte, error)
	list(ctx context.Context, subject string, page httpx.Page) ([]media, error)
	remove(ctx context.Context, m media) error
}

type store struct {
	pool   *pgxpool.Pool
	events *outbox.Outbox
}

func (s *store) add(ctx context.Context, m media, data []byte) error {
	return s.events.Tx(ctx, func(tx *outbox.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO blobs (sha256, data) VALUES ($1, $2) ON CONFLICT DO NOTHING`, m.SHA256[:], data)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO media (`+columns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
			m.ID, m.Tenant, m.Owner, m.Subject, m.Filename, m.Alt, m.Type, m.Size, m.SHA256[:], m.Public, m.CreatedAt)
		if err != nil {
			return err
		}
		return tx.Emit(ctx, kafka.ContentEvents, "media.uploaded", m.ID.String(), m.Tenant, m)
	})
}

func (s *store) get(ctx context.Context, id uuid.UUID) (media, error) {
	rows, err := s.pool.Query(ctx, `SELECT `+columns+` FROM media WHERE id = $1`, id)
	if err != nil {
		return media{}, err
	}
	m, err := pgx.CollectExactlyOneRow(rows, scan)
	if errors.Is(err, pgx.ErrNoRows) {
		err = notFound(id)
	}
	return m, err
}

func notFound(id uuid.UUID) error { return fault.New(fault.NotFound, "media %q not found", id) }

func (s *store) data(ctx context.Context, sum digest) ([]byte, error) {
	var data []byte
	err := s.pool.QueryRow(ctx, `SELECT data FROM blobs WHERE sha256 = $1`, sum[:]).Scan(&data)
	return data, err
}

func (s *store) list(ctx context.Context, subject string, page httpx.Page) ([]media, error) {
	rows, err := s.pool.Query(ctx, `SELECT `+columns+` FROM media WHERE public AND ($1 = '' OR subject = $1) AND id < $2
		ORDER BY id DESC LIMIT $3`, subject, page.Cursor, page.Limit+1)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scan)
}

// remove deletes a media item, and its content if no other item uses it.
func (s *store) remove(ctx context.Context, m media) error {
	return s.events.Tx(ctx, func(tx *outbox.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM media WHERE id = $1`, m.ID); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `DELETE FROM blobs b WHERE sha256 = $1
			AND NOT EXISTS (SELECT FROM media WHERE media.sha256 = b.sha256)`, m.SHA256[:])
		if err != nil {
			return err
		}
		return tx.Emit(ctx, kafka.ContentEvents, "media.deleted", m.ID.String(), m.Tenant, m)
	})
}
