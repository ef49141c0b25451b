package sqlite

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/flow-mcp/flow-mcp/flow"
)

// vaultFile lies beside main.db.
const vaultFile = "store.key"

// vaultKeySize is that of an AES-256 key.
const vaultKeySize = 32

// vault seals the secrets that main.db holds: the private keys of accounts, the session
// keys of channels, and passwords that were made up for as long as the call that did so can
// be repeated. Its own key is in a file that only this user can read.
//
// That keeps the secrets from whoever gets main.db alone, such as a copy that somebody
// made to look into. It keeps nothing from whoever can read the whole directory: the user
// and the machine's administrator. Messages are not sealed.
type vault struct {
	name  string // tells vaults apart and says nothing of the key
	aead  cipher.AEAD
	marks []byte // key of the marks of secrets
}

// openVault opens the vault of a directory, and makes its key when there is none.
func openVault(dir string) (*vault, error) {
	path := filepath.Join(dir, vaultFile)
	key, err := readVaultKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		key, err = makeVaultKey(path)
	}
	if err != nil {
		return nil, unusable(dir, err)
	}
	if len(key) != vaultKeySize {
		return nil, flow.Errorf(flow.Unusable,
			"%s is not the key of a store; restore it from a backup, or remove it, which gives every account a new key ring", path)
	}
	return newVault(key)
}

func newVault(key []byte) (*vault, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	sum := sha256.Sum256(append([]byte("flow-mcp vault\x00"), key...))
	marks := sha256.Sum256(append([]byte("flow-mcp marks\x00"), key...))
	return &vault{name: flow.EncodeID(sum[:16]), aead: aead, marks: marks[:]}, nil
}

// readVaultKey returns what is in the file, up to a byte more than belongs there.
func readVaultKey(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, vaultKeySize+1))
}

// makeVaultKey writes a new key, which is whole and durable before anything is sealed
// with it.
func makeVaultKey(path string) (key []byte, err error) {
	key = make([]byte, vaultKeySize)
	rand.Read(key)
	file, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = file.Write(key)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	return key, err
}

// syncDir makes a new name in a directory durable. Windows does so by itself, and so do
// the file systems, of other machines mostly, that say there is nothing to do.
func syncDir(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	err = dir.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil
	}
	return errors.Join(err, dir.Close())
}

// seal returns a secret so that only the vault can read it, and only as what it is.
func (v *vault) seal(secret []byte, what string) []byte {
	return v.aead.Seal(nil, nil, secret, []byte(what))
}

// unseal returns what was sealed as that.
func (v *vault) unseal(sealed []byte, what string) ([]byte, error) {
	secret, err := v.aead.Open(nil, nil, sealed, []byte(what))
	if err != nil {
		return nil, flow.Errorf(flow.Unusable, "a secret cannot be read with %s; restore the file from the backup that main.db is from", vaultFile)
	}
	return secret, nil
}

// mark returns what is the same for the same secret only, and of which nobody without the
// vault can tell the secret.
func (v *vault) mark(secret string) []byte {
	mac := hmac.New(sha256.New, v.marks)
	mac.Write([]byte(secret))
	return mac.Sum(nil)
}

// markParams returns a mark of the parameters of a call, and by which vault it is.
func (v *vault) markParams(params []byte) []byte {
	return append([]byte(v.name[:8]), v.mark("parameters\x00" + string(params))[:16]...)
}

// tellsApart reports whether two calls, the later of which this vault has marked, are known
// to have different parameters. What another vault has marked says nothing.
func (v *vault) tellsApart(earlier, later []byte) bool {
	return bytes.HasPrefix(earlier, []byte(v.name[:8])) && !hmac.Equal(earlier, later)
}

// sealResult writes what an operation answered as text: sealed when it holds a secret.
func (v *vault) sealResult(method string, request, result []byte) string {
	if !holdsSecret(method) {
		return string(result)
	}
	return base64.RawStdEncoding.EncodeToString(v.seal(result, resultLabel(method, request)))
}

// unsealResult reads what sealResult has written.
func (v *vault) unsealResult(method string, request []byte, text string) ([]byte, error) {
	if !holdsSecret(method) {
		return []byte(text), nil
	}
	sealed, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", method, err)
	}
	return v.unseal(sealed, resultLabel(method, request))
}

// resultLabel is what the answer to a request is sealed as.
func resultLabel(method string, request []byte) string {
	return fmt.Sprintf("answer of %s to %x", method, request)
}

func holdsSecret(method string) bool {
	op, known := flow.Lookup(method)
	return known && op.Info().Secret
}

// fill makes key rings for all accounts when the store has none that the vault can read:
// it was made before there were key rings, or its key was lost. The owner does so before
// it serves anybody.
func (s *store) fill(ctx context.Context) error {
	was, err := s.read.VaultName(ctx)
	if err != nil || was == s.writer.vault.name {
		return err
	}
	if was != "" {
		s.log.Warn("store: the key of the store is another one than before; every account gets a new key ring")
	}
	op := operation{ctx: ctx, run: (*tx).newKeyRings, done: make(chan error, 1)}
	s.writer.commit([]operation{op})
	return <-op.done
}
