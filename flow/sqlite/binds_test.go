package sqlite

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

// bureau is a directory of example.com with the user ana, and a machine that trusts it.
type bureau struct {
	dma, laptop flow.Session
	secret      string // level-2, of ana
}

const (
	directoryUser     = "ana@example.com"
	directoryPassword = "correct horse battery staple"
)

// newBureau sets a directory up on two processes.
func newBureau(t *testing.T, owner, dma, laptop flow.Caller) bureau {
	t.Helper()
	b := bureau{dma: idle(t, dma), laptop: idle(t, laptop)}
	boss := idle(t, owner)
	home := ok(t, boss, flow.StartUpLocal, flow.StartUpLocalInput{Username: "boss"})
	org := ok(t, boss, flow.NewOrg, flow.NewOrgInput{Name: "Company"}).ID
	key := ok(t, boss, flow.ClaimDomain, flow.ClaimDomainInput{OrgID: org, Domain: "example.com"})
	ok(t, b.dma, flow.CreateDMAccount, flow.CreateDMAccountInput{DMK: key})
	id := ok(t, b.dma, flow.GetAccountID, flow.AccountIDInput{})
	ok(t, boss, flow.OrgAddMember, flow.OrgAddMemberInput{OrgID: org, MemberAccountID: id, MemberState: flow.Admin})
	b.secret = ok(t, b.dma, flow.SetupLDAPAccount, flow.SetupLDAPAccountInput{Username: directoryUser}).Level2Secret
	fingerprint := ok(t, b.dma, flow.KeyRingFingerprint, flow.KeyRingFingerprintInput{})
	ok(t, b.laptop, flow.FetchLDAPPublicKey, flow.FetchLDAPPublicKeyInput{Username: directoryUser, Fingerprint: fingerprint})
	if home.AccountID == id {
		t.Fatal("two accounts are one")
	}
	return b
}

func idle(t *testing.T, c flow.Caller) flow.Session {
	t.Helper()
	return flow.Session{Caller: c, ID: ok(t, c, flow.NewSession, flow.NewSessionInput{}).SessionID}
}

// ok does what has to succeed. The parameters are not shown, since some are secret.
func ok[In, Out any](t *testing.T, c flow.Caller, op *flow.Operation[In, Out], in In) Out {
	t.Helper()
	out, err := op.Call(t.Context(), c, in)
	if err != nil {
		t.Fatalf("%s: %v", op.Info().Name, err)
	}
	return out
}

// logsIn begins to make a device by the directory password.
func (b bureau) logsIn(ctx context.Context, password string) <-chan error {
	ended := make(chan error, 1)
	go func() {
		_, err := flow.CreateLDAPDevice.Call(ctx, b.laptop, flow.CreateLDAPDeviceInput{Username: directoryUser, LDAPPassword: password})
		ended <- err
	}()
	return ended
}

// asked waits until the directory is told a password.
func (b bureau) asked(t *testing.T) flow.LDAPBindRequest {
	t.Helper()
	for {
		for _, n := range ok(t, b.dma, flow.WaitForNotification, flow.WaitForNotificationInput{}) {
			if n.Type == flow.LDAPBindRequestEvent.Type() {
				request, err := flow.LDAPBindRequestEvent.Decode(n)
				if err != nil {
					t.Fatal(err)
				}
				return request
			}
		}
	}
}

func (b bureau) answers(t *testing.T, request flow.LDAPBindRequest) {
	t.Helper()
	ok(t, b.dma, flow.LDAPBindResponse, flow.LDAPBindResponseInput{
		Username: request.Username, SecureExchangeToken: request.SecureExchangeToken, Level2Secret: b.secret,
	})
}

// TestUnansweredBindEnds: a directory says nothing to a wrong password, so time has to be
// up some day.
func TestUnansweredBindEnds(t *testing.T) {
	s := open(t, t.TempDir())
	s.patience = 50 * time.Millisecond
	b := newBureau(t, flow.Serve(s.seat("boss")), flow.Serve(s.seat("directory")), flow.Serve(s.seat("laptop")))
	if err := <-b.logsIn(t.Context(), "a guess"); !errors.Is(err, flow.Denied) {
		t.Errorf("without an answer the call ended with %v", err)
	}
	var left int
	if err := s.pool.QueryRowContext(t.Context(), "SELECT count(*) FROM bind").Scan(&left); err != nil || left != 0 {
		t.Errorf("%d passwords are left in the store, %v", left, err)
	}
	s.patience = bindPatience
	ended := b.logsIn(t.Context(), directoryPassword)
	b.answers(t, b.asked(t)) // the first request is not told any more
	if err := <-ended; err != nil {
		t.Errorf("with the right password: %v", err)
	}
}

// TestFinishedBindsHideNothing: what is behind requests that are over is told, and they do
// not stay in the log.
func TestFinishedBindsHideNothing(t *testing.T) {
	s := open(t, t.TempDir())
	b := newBureau(t, flow.Serve(s.seat("boss")), flow.Serve(s.seat("directory")), flow.Serve(s.seat("laptop")))
	boss := idle(t, flow.Serve(s.seat("boss")))
	home := ok(t, boss, flow.StartUpLocal, flow.StartUpLocalInput{Username: "boss"})
	dma := ok(t, b.dma, flow.GetAccountID, flow.AccountIDInput{})
	ok(t, boss, flow.OrgAddMember, flow.OrgAddMemberInput{OrgID: home.OrgID, MemberAccountID: dma, MemberState: flow.Member})
	begin := ok(t, b.dma, flow.EnumerateEvents, flow.EnumerateEventsInput{}).Next
	err := s.change(t.Context(), func(t *tx) error { // as many as no list holds at once
		domain, err := t.DomainByName(t.ctx, serverOf(""), "example.com")
		for range 2 * maxWait {
			open := flow.LDAPBindRequest{Username: directoryUser, SecureExchangeToken: flow.NewID()}
			_, failed := emit(t, flow.LDAPBindRequestEvent, audience{account: domain.Account.Int64}, open)
			err = cmp.Or(err, failed)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	ok(t, boss, flow.NewDirectConversation, flow.NewDirectConversationInput{OrgID: home.OrgID, MemberID: dma})
	page := ok(t, b.dma, flow.EnumerateEvents, flow.EnumerateEventsInput{After: &begin, Limit: 1})
	if len(page.Events) != 1 || !page.More {
		t.Errorf("in front of all that is new there are %d events, more: %t", len(page.Events), page.More)
	}
	for last := flow.Cursor(0); last < s.hub.end(); {
		for _, n := range ok(t, b.dma, flow.WaitForNotification, flow.WaitForNotificationInput{}) {
			last = max(last, n.Seq) // what is not of the log has no place in it
		}
	}
}

// TestFinishedBindsLeaveTheLog counts what guesses leave behind.
func TestFinishedBindsLeaveTheLog(t *testing.T) {
	s := open(t, t.TempDir())
	s.patience = time.Millisecond
	b := newBureau(t, flow.Serve(s.seat("boss")), flow.Serve(s.seat("directory")), flow.Serve(s.seat("laptop")))
	before := s.hub.end()
	for range 20 {
		<-b.logsIn(t.Context(), "a guess")
	}
	var left int
	if err := s.pool.QueryRowContext(t.Context(), "SELECT count(*) FROM event WHERE seq > ?", before).Scan(&left); err != nil || left > 1 {
		t.Errorf("20 guesses have left %d events, %v", left, err)
	}
	if end := s.hub.end(); end != before+20 {
		t.Errorf("the log has grown from %d to %d", before, end)
	}
	err := s.change(t.Context(), func(t *tx) error {
		if t.seq != before+20 {
			return fmt.Errorf("the log ends at %d, want %d", t.seq, before+20)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestBindOutlivesOwner kills the process that has the store while a password is being
// checked. The call goes on at the next owner.
func TestBindOutlivesOwner(t *testing.T) {
	dir := t.TempDir()
	owner := launch(t, "idle", dir, "owner")
	a, c := join(t, dir), join(t, dir)
	b := newBureau(t, a, a, c)
	ended := b.logsIn(t.Context(), directoryPassword)
	request := b.asked(t)
	owner.kill(t)
	b.answers(t, request)
	if err := <-ended; err != nil {
		t.Fatalf("after the owner was killed: %v", err)
	}
	if devices := ok(t, b.laptop, flow.GetDevices, flow.GetDevicesInput{}); len(devices) != 1 {
		t.Errorf("one call has made the devices %+v", devices)
	}
}

// TestDirectoryPasswordsAreNowhere looks for them in all that the engine writes, while
// they are being checked and afterwards.
func TestDirectoryPasswordsAreNowhere(t *testing.T) {
	dir := t.TempDir()
	var log journal
	s, err := openStore(context.Background(), dir, Options{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err != nil {
		t.Fatal(err)
	}
	b := newBureau(t, flow.Serve(s.seat("boss")), flow.Serve(s.seat("directory")), flow.Serve(s.seat("laptop")))
	ended := b.logsIn(t.Context(), directoryPassword)
	request := b.asked(t)
	if request.Password != directoryPassword {
		t.Fatal("the directory was told another password")
	}
	made := ok(t, b.dma.Keyed("again"), flow.SetupLDAPAccount, flow.SetupLDAPAccountInput{Username: "ben@example.com"})
	look := func(when string) {
		t.Helper()
		for _, name := range []string{"main.db", "main.db-wal", "search.db", "search.db-wal"} {
			data, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
			for _, secret := range []string{directoryPassword, b.secret, made.Password, made.Level2Secret} {
				if bytes.Contains(data, []byte(secret)) {
					t.Errorf("%s %s holds a secret in the clear", when, name)
				}
			}
		}
	}
	look("while it is checked")
	b.answers(t, request)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if err := s.close(context.Background()); err != nil {
		t.Fatal(err)
	}
	look("afterwards")
	for _, secret := range []string{directoryPassword, b.secret, made.Password} {
		if log.contains(secret) {
			t.Error("the log holds a secret")
		}
	}
}

// journal is a log that may be written to while it is read.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) contains(text string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return bytes.Contains(j.text.Bytes(), []byte(text))
}

// TestBoxIsForOneKey: what is sealed for a key ring can be read with its seed only, and
// not once it was changed.
func TestBoxIsForOneKey(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	want := flow.LDAPBindRequest{Username: directoryUser, Password: directoryPassword}
	sealed, err := sealFor(public, want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := openBox(private.Seed(), sealed); err != nil || got != want {
		t.Errorf("the holder of the key reads another request: %v", err)
	}
	_, other, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openBox(other.Seed(), sealed); !errors.Is(err, errNoBox) {
		t.Errorf("another key ends with %v", err)
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 0x80
		if _, err := openBox(private.Seed(), changed); !errors.Is(err, errNoBox) {
			t.Errorf("with byte %d changed it ends with %v", i, err)
		}
	}
	if _, err := sealFor(append([]byte{2}, make([]byte, 31)...), want); err == nil {
		t.Error("a key that is no point of the curve was used")
	}
}
