package tools

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"sync"
	"time"
)

// answerTime is how long a question to a person stays open.
const answerTime = 5 * time.Minute

// seals makes the request state that a client of revision 2026-07-28 keeps while a person
// decides. A seal belongs to what it was made about: it says nothing to whoever carries it,
// cannot be made without the key of this process, opens once, and only in time.
type seals struct {
	aead cipher.AEAD

	mu   sync.Mutex
	used map[string]time.Time // opened seals that are not yet too old anyway
}

// Why a seal does not open.
var (
	errForeignSeal = errors.New("it belongs to no question that was asked about this call as things are now; a file, a name or the members may have changed since")
	errOldSeal     = errors.New("the answer came too late")
	errUsedSeal    = errors.New("it was used before")
)

func newSeals() *seals {
	var key [32]byte
	rand.Read(key[:]) // never fails: crypto/rand ends the process instead
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // the length of the key is wrong
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // the size of the block is wrong
	}
	return &seals{aead: aead, used: map[string]time.Time{}}
}

// seal returns a seal that opens for the same about until answerTime is over, and then
// tells what had been heard when it was made.
func (s *seals) seal(about []byte, heard uint64) string {
	plain := binary.BigEndian.AppendUint64(nil, uint64(time.Now().Add(answerTime).UnixNano()))
	plain = binary.BigEndian.AppendUint64(plain, heard)
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(nil, nil, plain, about))
}

// open uses a seal up.
func (s *seals) open(state string, about []byte) (heard uint64, err error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(state)
	if err != nil {
		return 0, errForeignSeal
	}
	plain, err := s.aead.Open(nil, nil, raw, about)
	if err != nil {
		return 0, errForeignSeal
	}
	now, until := time.Now(), time.Unix(0, int64(binary.BigEndian.Uint64(plain)))
	if now.After(until) {
		return 0, errOldSeal
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for old, end := range s.used {
		if now.After(end) {
			delete(s.used, old)
		}
	}
	// The decoded form: several texts may stand for the same bytes.
	if _, twice := s.used[string(raw)]; twice {
		return 0, errUsedSeal
	}
	s.used[string(raw)] = until
	return binary.BigEndian.Uint64(plain[8:]), nil
}
