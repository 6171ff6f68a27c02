package notification

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"strings"
	"time"

	"cloudlab.example/platform/internal/fault"
)

const (
	mailTimeout  = 5 * time.Second // of one attempt, from connecting to the server's confirmation
	mailAttempts = 3
	mailPause    = 300 * time.Millisecond // before the second attempt; it doubles
)

// mailer delivers e-mail to an SMTP server without authentication or encryption, such as a mail catcher.
type mailer struct {
	addr string // host:port
	from *mail.Address
}

func newMailer(addr, from string) (*mailer, error) {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return nil, fmt.Errorf("SMTP_ADDR: %w", err)
	}
	sender, err := mail.ParseAddress(from)
	if err != nil {
		return nil, fmt.Errorf("MAIL_FROM: %w", err)
	}
	return &mailer{addr: addr, from: sender}, nil
}

// send delivers the message, and repeats it a few times after a temporary failure. It does not wait longer: the event,
// and with it the message in the inbox, must not depend on the mail server.
func (s *mailer) send(ctx context.Context, address string, m message) error {
	to, err := mail.ParseAddress(address)
	if err != nil {
		return err
	}
	content, err := s.compose(to, m, time.Now())
	if err != nil {
		return err
	}
	pause := mailPause
	for attempt := 1; ; attempt++ {
		err := s.attempt(ctx, to, content)
		if err == nil || attempt == mailAttempts || !temporary(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
		pause *= 2
	}
}

// compose writes the headers and the text. A repeated event has the same Message-ID.
func (s *mailer) compose(to *mail.Address, m message, at time.Time) ([]byte, error) {
	var content bytes.Buffer
	_, domain, _ := strings.Cut(s.from.Address, "@")
	for _, header := range [][2]string{
		{"From", s.from.String()},
		{"To", to.String()},
		{"Subject", mime.QEncoding.Encode("utf-8", m.Title)},
		{"Date", at.Format(time.RFC1123Z)},
		{"Message-ID", fmt.Sprintf("<%s@%s>", m.ID, domain)},
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "quoted-printable"},
	} {
		fmt.Fprintf(&content, "%s: %s\r\n", header[0], header[1])
	}
	content.WriteString("\r\n")
	body := quotedprintable.NewWriter(&content)
	if _, err := body.Write([]byte(m.Body + "\n")); err != nil {
		return nil, err
	}
	return content.Bytes(), body.Close()
}

// attempt delivers the content in one SMTP session.
func (s *mailer) attempt(ctx context.Context, to *mail.Address, content []byte) error {
	ctx, cancel := context.WithTimeout(ctx, mailTimeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	// The client of net/smtp knows no context: closing the connection ends it.
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := converse(conn, s.from.Address, to.Address, content); err != nil {
		return cmp.Or(ctx.Err(), err)
	}
	return nil
}

// converse is the SMTP session.
func converse(conn net.Conn, from, to string, content []byte) error {
	client, err := smtp.NewClient(conn, "") // the name matters only to TLS
	if err != nil {
		return err
	}
	if err := client.Mail(from); err != nil {
		return err
	}
	if err := client.Rcpt(to); err != nil {
		return err
	}
	data, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := data.Write(content); err != nil {
		return err
	}
	if err := data.Close(); err != nil {
		return err
	}
	_ = client.Quit() // the server has already accepted the message
	return nil
}

// temporary says whether another attempt may succeed: replies 4xx and failures of the connection.
func temporary(err error) bool {
	var reply *textproto.Error
	if errors.As(err, &reply) {
		return reply.Code/100 == 4
	}
	return fault.Retryable(err)
}
