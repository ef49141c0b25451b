package sqlite

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"runtime/debug"
	"strings"

	"golang.org/x/crypto/argon2"

	"github.com/flow-mcp/flow-mcp/flow"
)

// What argon2id costs: 19 MiB, two passes, one thread.
const (
	argonMemory = 19 * 1024 // KiB
	argonPasses = 2
	argonPrefix = "$argon2id$v=19$m=19456,t=2,p=1$"
)

const (
	maxPassword = 1024 // bytes
	minPassword = 8    // characters of a new one
)

// hash makes the verifier of a password. One is made at a time, since each needs memory
// that is given back at once.
func (s *store) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, 16)
	rand.Read(salt)
	key, err := s.derive(ctx, password, salt)
	if err != nil {
		return "", err
	}
	code := base64.RawStdEncoding
	return argonPrefix + code.EncodeToString(salt) + "$" + code.EncodeToString(key), nil
}

// matches reports whether a password is the one that a verifier was made of. The time
// it takes does not depend on how much of it is right.
func (s *store) matches(ctx context.Context, password, verifier string) (bool, error) {
	if len(password) > maxPassword {
		return false, nil
	}
	rest, ok := strings.CutPrefix(verifier, argonPrefix)
	salt64, key64, two := strings.Cut(rest, "$")
	salt, err1 := base64.RawStdEncoding.DecodeString(salt64)
	want, err2 := base64.RawStdEncoding.DecodeString(key64)
	if !ok || !two || err1 != nil || err2 != nil {
		return false, fmt.Errorf("the verifier of a password is not readable")
	}
	got, err := s.derive(ctx, password, salt)
	return err == nil && subtle.ConstantTimeCompare(got, want) == 1, err
}

func (s *store) derive(ctx context.Context, password string, salt []byte) ([]byte, error) {
	select {
	case <-s.hashing:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { s.hashing <- struct{}{} }()
	key := argon2.IDKey([]byte(password), salt, argonPasses, argonMemory, 1, 32)
	debug.FreeOSMemory()
	return key, nil
}

func checkPassword(name, password string, least int) error {
	switch {
	case len([]rune(password)) < least:
		return flow.Errorf(flow.Invalid, "%s must have at least %d characters", name, least)
	case len(password) > maxPassword:
		return flow.Errorf(flow.Invalid, "%s must have at most %d bytes", name, maxPassword)
	}
	return nil
}
