package sqlite

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
)

// TestVault: what is sealed can be read as what it is, and with the same key only.
func TestVault(t *testing.T) {
	dir := t.TempDir()
	v, err := openVault(dir)
	if err != nil {
		t.Fatal(err)
	}
	sealed := v.seal([]byte("secret"), "label")
	if bytes.Contains(sealed, []byte("secret")) {
		t.Errorf("the sealed secret shows it: %q", sealed)
	}
	if again := v.seal([]byte("secret"), "label"); bytes.Equal(again, sealed) {
		t.Errorf("equal secrets are sealed alike")
	}
	same, err := openVault(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := same.unseal(sealed, "label"); err != nil || string(got) != "secret" || same.name != v.name {
		t.Errorf("the vault opened again, %s and before %s, gives %q, %v", same.name, v.name, got, err)
	}
	if got, err := v.unseal(sealed, "other"); err == nil {
		t.Errorf("unsealed as something else it is %q", got)
	}
	other, err := openVault(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := other.unseal(sealed, "label"); !errors.Is(err, flow.Unusable) || other.name == v.name {
		t.Errorf("another vault, %s, gives %q, %v", other.name, got, err)
	}
	info, err := os.Stat(filepath.Join(dir, vaultFile))
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("the key can be read by others: %v", mode)
	}
}

func TestVaultOfAnotherProgram(t *testing.T) {
	for _, content := range []string{"", "short", string(make([]byte, 33))} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, vaultFile), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err := openStore(t.Context(), dir, Options{}); !errors.Is(err, flow.Unusable) {
			t.Errorf("a store with %d bytes for a key: %v, %v", len(content), s, err)
		}
	}
}

// TestSecretsAreSealed: neither private keys nor session keys stand in the database.
func TestSecretsAreSealed(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	ana := start(t, s, "one", "ana")
	vault := s.writer.vault
	row, err := s.read.AccountByPublic(t.Context(), ana.home.AccountID)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := s.read.KeyRingOf(t.Context(), row.ID)
	if err != nil {
		t.Fatal(err)
	}
	seed, err := vault.unseal(ring.Seed, ringLabel(ring.Public))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey), ring.Key) {
		t.Errorf("the sealed private key is not that of the public one")
	}
	var sealed []byte
	err = s.pool.QueryRowContext(t.Context(), "SELECT secret FROM channel_key WHERE epoch = 1").Scan(&sealed)
	if err != nil {
		t.Fatal(err)
	}
	session, err := vault.unseal(sealed, channelKeyLabel(ana.home.ChannelID, 1))
	if err != nil || len(session) != 32 {
		t.Errorf("the session key has %d bytes: %v", len(session), err)
	}
	for _, name := range []string{"main.db", "main.db-wal"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, seed) || bytes.Contains(data, session) {
			t.Errorf("%s holds a secret in the clear", name)
		}
	}
}

// TestLostKey: without the key of the store its accounts get new key rings, and people
// are told that the old ones are gone.
func TestLostKey(t *testing.T) {
	dir := t.TempDir()
	s, err := openStore(context.Background(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ana, ben := start(t, s, "one", "ana"), start(t, s, "two", "ben")
	before := ben.peer(t, ana)
	if _, err := ben.VerifyPeerKeyRing(t.Context(), ben.call, flow.VerifyPeerKeyRingInput{
		PeerAccountID: before.AccountID, PeerKeyRingID: before.KeyRingID,
	}); err != nil {
		t.Fatal(err)
	}
	reopen := func() user {
		t.Helper()
		if err := s.close(context.Background()); err != nil {
			t.Fatal(err)
		}
		if s, err = openStore(context.Background(), dir, Options{}); err != nil {
			t.Fatal(err)
		}
		return user{Engine: s.seat("two"), call: ben.call}
	}
	if kept := reopen().peer(t, ana); kept.KeyRingID != before.KeyRingID || !kept.Verified {
		t.Errorf("after a restart ben sees %+v, before %+v", kept, before)
	}
	if err := os.Remove(filepath.Join(dir, vaultFile)); err != nil {
		t.Fatal(err)
	}
	ben = reopen()
	defer func() { s.close(context.Background()) }()
	after := ben.peer(t, ana)
	if after.KeyRingID == before.KeyRingID || after.Fingerprint == before.Fingerprint || after.Verified {
		t.Errorf("without the key ben sees %+v, before %+v", after, before)
	}
	page, err := ben.EnumerateEvents(t.Context(), ben.call, flow.EnumerateEventsInput{After: new(flow.Cursor)})
	if err != nil {
		t.Fatal(err)
	}
	told := false
	for _, n := range page.Events {
		if n.Type == flow.PeerVerificationEvent.Type() {
			peers, err := flow.PeerVerificationEvent.Decode(n)
			told = told || err == nil && len(peers) == 1 && peers[0] == after
		}
	}
	if !told {
		t.Errorf("ben was not told of %+v", after)
	}
}

func (u user) peer(t *testing.T, who user) flow.Peer {
	t.Helper()
	peer, err := u.GetPeerFromID(t.Context(), u.call, flow.GetPeerFromIDInput{PeerID: who.home.AccountID})
	if err != nil {
		t.Fatal(err)
	}
	return peer
}

// TestAccountsWithoutKeys opens a store of before there were key rings.
func TestAccountsWithoutKeys(t *testing.T) {
	dir := t.TempDir()
	file := databaseFile{path: filepath.Join(dir, "main.db")}
	steps, err := migrationSteps()
	if err != nil {
		t.Fatal(err)
	}
	before := slices.IndexFunc(steps, func(step string) bool { return strings.Contains(step, "CREATE TABLE key_ring") })
	pool, err := sql.Open("sqlite", file.dsn("journal_mode(wal)"))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pool.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := migrate(t.Context(), conn, file.path, steps[:before]); err != nil {
		t.Fatal(err)
	}
	_, err = conn.ExecContext(t.Context(), `INSERT INTO account (public, server, username, folded, phone, created)
		VALUES ('OLD', 'flow.spideroak.com', 'Old', 'old', '1', 1)`)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(conn.Close(), pool.Close()); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir)
	ana := start(t, s, "one", "ana")
	old := ana.peer(t, user{home: flow.Home{AccountID: "OLD"}})
	if old.KeyRingID == "" || old.Fingerprint == ana.peer(t, ana).Fingerprint {
		t.Errorf("the old account is %+v", old)
	}
}
