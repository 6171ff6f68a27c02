package content

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// signer signs and verifies URLs that give access to one private media item until they expire.
type signer struct {
	key []byte
	now func() time.Time
}

func newSigner(key string) signer { return signer{[]byte(key), time.Now} }

// sign returns the query that gives access to a media item until the given time.
func (s signer) sign(id uuid.UUID, until time.Time) url.Values {
	expires := strconv.FormatInt(until.Unix(), 10)
	return url.Values{"expires": {expires}, "signature": {s.signature(id, expires)}}
}

// valid returns how long a query is still valid; 0 if it is not.
func (s signer) valid(id uuid.UUID, query url.Values) time.Duration {
	expires := query.Get("expires")
	if !hmac.Equal([]byte(s.signature(id, expires)), []byte(query.Get("signature"))) {
		return 0
	}
	until, err := strconv.ParseInt(expires, 10, 64)
	if err != nil {
		return 0
	}
	return max(time.Unix(until, 0).Sub(s.now()), 0)
}

func (s signer) signature(id uuid.UUID, expires string) string {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(id.String() + "\n" + expires))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
