package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

// Whatever a program sends as the parameters of whatever operation: the engine does it, with
// a result of the documented form, or refuses it with a reason. It never fails by a defect.
//
// The seeds have something of the right type for each parameter. Names in capitals stand
// for things that exist.
func FuzzOperations(f *testing.F) {
	all := flow.Catalogue()
	for i, op := range all {
		in, _ := op.Types()
		params, err := json.Marshal(example(in, 0))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), string(params))
		f.Add(uint8(i), `{}`)
		f.Add(uint8(i), `{"OrgID":null,"ChannelID":"","Filters":[],"After":-1,"Limit":1e99}`)
	}
	s := newStage(f)
	f.Fuzz(func(t *testing.T, index uint8, params string) {
		op := all[int(index)%len(all)]
		s.play(t, op, s.put(params))
	})
}

// stage is an account on a live engine, with something of everything.
type stage struct {
	member *Member
	seat   *seat
	things *strings.Replacer
}

func newStage(f *testing.F) *stage {
	f.Helper()
	dir := f.TempDir()
	s := &stage{member: join(f, filepath.Join(dir, "store"))}
	s.enter(f)
	return s
}

// enter starts a new account, since one can be locked and lose its rights.
func (s *stage) enter(t testing.TB) {
	t.Helper()
	ctx := context.Background()
	s.seat = &seat{member: s.member}
	session, err := flow.NewSession.Call(ctx, s.member, flow.NewSessionInput{})
	if err != nil {
		t.Fatal(err)
	}
	s.seat.Session = flow.Session{Caller: s.member, ID: session.SessionID}
	name := "fuzz " + flow.NewID()[:12]
	home, err := flow.StartUpLocal.Call(ctx, s.seat, flow.StartUpLocalInput{Username: name})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file.txt")
	if err := os.WriteFile(file, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	org, err := flow.NewOrg.Call(ctx, s.seat, flow.NewOrgInput{Name: "Team"})
	if err != nil {
		t.Fatal(err)
	}
	channel, err := flow.NewChannel.Call(ctx, s.seat, flow.NewChannelInput{OrgID: org.ID, Name: "general"})
	if err != nil {
		t.Fatal(err)
	}
	attachment, err := flow.NewAttachment.Call(ctx, s.seat, flow.NewAttachmentInput{OrgID: org.ID, FilePath: file})
	if err != nil {
		t.Fatal(err)
	}
	message, err := flow.SendMessage.Call(ctx, s.seat, flow.SendMessageInput{ChannelID: channel, Text: "hello"})
	if err != nil {
		t.Fatal(err)
	}
	s.things = strings.NewReplacer("ORG", string(org.ID), "CHANNEL", string(channel), "ACCOUNT", string(home.AccountID),
		"MESSAGE", string(message), "ATTACHMENT", string(attachment), "NAME", name)
}

// put names the things that exist. No path may lead out of the test's directory.
func (s *stage) put(params string) string {
	params = strings.NewReplacer("/", "_", `\u002f`, "_", `\u002F`, "_").Replace(params)
	return s.things.Replace(params)
}

// play does an operation as a program that gives up when it blocks.
func (s *stage) play(t *testing.T, op flow.AnyOperation, params string) {
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	name := op.Info().Name
	result, err := s.call(ctx, name, params)
	if err != nil {
		var refusal *flow.Error
		blocked := ctx.Err() != nil
		if !blocked && (!errors.As(err, &refusal) || flow.CodeOf(err) == flow.Internal || refusal.Message == "") {
			t.Fatalf("%s(%s): %v (%s)", name, params, err, flow.CodeOf(err))
		}
		if strings.Contains(err.Error(), "lock") || strings.Contains(err.Error(), "Unknown session") || strings.Contains(err.Error(), "revoked") {
			s.enter(t)
		}
		return
	}
	_, out := op.Types()
	if err := json.Unmarshal(result, reflect.New(out).Interface()); err != nil {
		t.Fatalf("%s(%s) has a result of another form: %v\n%s", name, params, err, result)
	}
}

// call sends parameters as they are when they are not an object, which has a place for the
// session.
func (s *stage) call(ctx context.Context, method, params string) (json.RawMessage, error) {
	if strings.HasPrefix(strings.TrimSpace(params), "{") && json.Valid([]byte(params)) {
		return s.seat.Call(ctx, method, json.RawMessage(params))
	}
	return s.member.Call(ctx, method, json.RawMessage(params))
}

// example makes a value of a type, with something in each field.
func example(t reflect.Type, above int) any {
	switch {
	case above > 5:
		return nil
	case t == reflect.TypeFor[json.RawMessage]():
		return map[string]any{"highlighted": []string{"ACCOUNT"}}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return example(t.Elem(), above+1)
	case reflect.Slice:
		return []any{example(t.Elem(), above+1)}
	case reflect.Map:
		return map[string]any{"key": example(t.Elem(), above+1)}
	case reflect.Bool:
		return true
	case reflect.Struct:
		fields := map[string]any{}
		for i := range t.NumField() {
			f := t.Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name == "" {
				name = f.Name
			}
			fields[name] = example(f.Type, above+1)
		}
		return fields
	case reflect.String:
		return stands(t)
	}
	return 1
}

// stands returns the name of a thing of a type.
func stands(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[flow.OrgID]():
		return "ORG"
	case reflect.TypeFor[flow.ChannelID]():
		return "CHANNEL"
	case reflect.TypeFor[flow.AccountID]():
		return "ACCOUNT"
	case reflect.TypeFor[flow.MessageID]():
		return "MESSAGE"
	case reflect.TypeFor[flow.AttachmentID]():
		return "ATTACHMENT"
	case reflect.TypeFor[flow.MemberState]():
		return "m"
	}
	return "NAME"
}
