package sqlite

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha512"
	"encoding/json"
	"fmt"

	"filippo.io/edwards25519"
	"golang.org/x/crypto/nacl/box"

	"github.com/flow-mcp/flow-mcp/flow"
)

// A directory password is for the directory account alone. It is sealed where it is given,
// in an anonymous NaCl box: X25519 with XSalsa20 and Poly1305. The key of the box is the
// account's Ed25519 key in its Montgomery form, so that the fingerprint which people
// compare vouches for it.

// errNoBox says that a box was not made for a key, or was changed.
var errNoBox = fmt.Errorf("the box of a directory password cannot be opened")

// sealFor encrypts a request for the holder of a key ring.
func sealFor(public ed25519.PublicKey, request flow.LDAPBindRequest) ([]byte, error) {
	key, err := exchangeKey(public)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(request)
	if err != nil {
		return nil, fmt.Errorf("write request to a directory: %w", err)
	}
	return box.SealAnonymous(nil, text, key, rand.Reader)
}

// openBox decrypts what was sealed for the key ring that has a seed.
func openBox(seed, sealed []byte) (request flow.LDAPBindRequest, err error) {
	private := ed25519.NewKeyFromSeed(seed)
	public, err := exchangeKey(private.Public().(ed25519.PublicKey))
	if err != nil {
		return request, err
	}
	expanded := sha512.Sum512(seed) // its first half is the scalar of the Ed25519 key
	scalar := [32]byte(expanded[:32])
	text, ok := box.OpenAnonymous(nil, sealed, public, &scalar)
	if !ok {
		return request, errNoBox
	}
	if err := json.Unmarshal(text, &request); err != nil {
		return request, errNoBox // not err, which may quote what is in it
	}
	return request, nil
}

// exchangeKey returns the X25519 form of an Ed25519 key.
func exchangeKey(public ed25519.PublicKey) (*[32]byte, error) {
	point, err := new(edwards25519.Point).SetBytes(public)
	if err != nil {
		return nil, fmt.Errorf("the key of a directory account is none: %w", err)
	}
	key := [32]byte(point.BytesMontgomery())
	return &key, nil
}
