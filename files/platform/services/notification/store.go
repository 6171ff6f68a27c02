package notification

import (
	"context"
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

// notification is a message in a user's inbox.
type notification struct {
	ID         uuid.UUID  `json:"id"`
	Tenant     string     `json:"tenant"`
	UserID     string     `json:"user_id"`
	Kind       string     `json:"kind"`       // the event's type
	SubjectID  string     `json:"subject_id"` // for example the order's ID
	Title      string     `json:"title"`
	Body       string     `json:"body"`
	CreatedAt  time.Time  `json:"created_at"`
	ReadAt     *time.Time `json:"read_at"`
	Deliveries []delivery `json:"deliveries"`
}

// preferences are the channels that a user has chosen.
type preferences struct {
	Channels []string `json:"channels"`
	Webhook  string   `json:"webhook,omitempty"`
}

var defaultPreferences = preferences{Channels: []string{channelEmail, channelPush}}

type store struct {
	pool   *pgxpool.Pool
	events *outbox.Outbox
}

func (s *store) preferences(ctx context.Context, user string) (preferences, error) {
	var p preferences
	err := s.pool.QueryRow(ctx, `SELECT channels, webhook FROM preferences WHERE user_id = $1`, user).Scan(&p.Channels, &p.Webhook)
	if errors.Is(err, pgx.ErrNoRows) {
		return defaultPreferences, nil
	}
	return p, err
}

func (s *store) setPreferences(ctx context.Context, user string, p preferences) error {
	_, err := s.pool.Exec(ctx, `INSERT INTO preferences (user_id, channels, webhook) VALUES ($1, $2, $3)
		ON CONFLICT (user_id) DO UPDATE SET channels = excluded.channels, webhook = excluded.webhook`, user, p.Channels, p.Webhook)
	return err
}

// add sends and stores the message of an event, unless the event was handled before. After a crash between sending and the
// commit, the message is sent again.
func (s *store) add(ctx context.Context, event kafka.Event, n notification, send func() []delivery) error {
	n.ID, n.CreatedAt = uuid.Must(uuid.NewV7()), time.Now().UTC()
	return s.events.Once(ctx, event, func(tx *outbox.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO notifications (id, tenant, user_id, kind, subject_id, title, body, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			n.ID, n.Tenant, n.UserID, n.Kind, n.SubjectID, n.Title, n.Body, n.CreatedAt)
		if err != nil {
			return err
		}
		n.Deliveries = send()
		batch := &pgx.Batch{}
		for _, d := range n.Deliveries {
			batch.Queue(`INSERT INTO deliveries (notification_id, channel, address, state, detail) VALUES ($1, $2, $3, $4, $5)`,
				n.ID, d.Channel, d.Address, d.State, d.Detail)
		}
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return err
		}
		return tx.Emit(ctx, kafka.NotificationEvents, "notification.sent", n.ID.String(), n.Tenant, n)
	})
}

const selectNotifications = `
SELECT n.id, n.tenant, n.user_id, n.kind, n.subject_id, n.title, n.body, n.created_at, n.read_at,
    coalesce((SELECT jsonb_agg(jsonb_build_object('channel', d.channel, 'address', d.address, 'state', d.state,
        'detail', d.detail) ORDER BY d.channel) FROM deliveries d WHERE d.notification_id = n.id), '[]')
FROM notifications n `

func (s *store) list(ctx context.Context, user string, unread bool, page httpx.Page) ([]notification, error) {
	rows, err := s.pool.Query(ctx, selectNotifications+`WHERE n.user_id = $1 AND n.id < $2
		AND NOT ($3 AND n.read_at IS NOT NULL) ORDER BY n.id DESC LIMIT $4`, user, page.Cursor, unread, page.Limit+1)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[notification])
}

func (s *store) markRead(ctx context.Context, user string, id uuid.UUID) error {
	tag, err := s.pool.Exec(ctx, `UPDATE notifications SET read_at = coalesce(read_at, now()) WHERE id = $1 AND user_id = $2`, id, user)
	if err == nil && tag.RowsAffected() == 0 {
		err = fault.New(fault.NotFound, "notification %q not found", id)
	}
	return err
}

func (s *store) unread(ctx context.Context, user string) (int64, error) {
	var count int64
	err := s.pool.QueryRow(ctx, `SELECT count(*) FROM notifications WHERE user_id = $1 AND read_at IS NULL`, user).Scan(&count)
	return count, err
}
