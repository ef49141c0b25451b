//go:build unix

package examples_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mark3labs/mcp-go/mcp"
)

// canary stands in everything that people and models write in these tests, and must not
// be found in what the program logs.
const canary = "kanarienvogel"

// record is what a process writes to standard error.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// TestLogsTellNothingPrivate says a canary in every place there is, right and wrong, with
// all logs at debug level: on standard error and by MCP, of the server and its backend.
func TestLogsTellNothingPrivate(t *testing.T) {
	for _, era := range []string{mcp.LATEST_LEGACY_PROTOCOL_VERSION, mcp.LATEST_PROTOCOL_VERSION} {
		t.Run(era, func(t *testing.T) { singInLogs(t, era) })
	}
}

func singInLogs(t *testing.T, era string) {
	ctx, cancel := context.WithTimeout(t.Context(), wholeTime)
	defer cancel()
	var stderr, notified record
	cmd := exec.Command(binary, "--toolsets", "all", "--confirm", "never", "--folder", os.TempDir(), "--account", "ana-"+canary)
	cmd.Env = append(os.Environ(), "FLOW_MCP_DATA_DIR="+t.TempDir(), "HOME="+t.TempDir(), "FLOW_MCP_LOG_LEVEL=debug")
	cmd.Stderr = &stderr
	h, err := startCommand(ctx, cmd, nil, era)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.close)
	h.client.OnNotification(func(n mcp.JSONRPCNotification) {
		raw, err := json.Marshal(n)
		if err != nil {
			t.Error(err)
		}
		_, _ = notified.Write(append(raw, '\n'))
	})
	if era == mcp.LATEST_LEGACY_PROTOCOL_VERSION {
		//lint:ignore SA1019 hosts of the older protocol ask this way
		if err := h.client.SetLevel(ctx, mcp.SetLevelRequest{Params: mcp.SetLevelParams{Level: mcp.LoggingLevelDebug}}); err != nil {
			t.Fatal(err)
		}
	}
	sing(t, ctx, h, "one")
	for _, pid := range children(cmd.Process.Pid) {
		_ = kill(pid)
	}
	sing(t, ctx, h, "two")
	h.close()
	for name, log := range map[string]string{"standard error": stderr.String(), "notifications": notified.String()} {
		for line := range strings.Lines(log) {
			if strings.Contains(strings.ToLower(line), canary) {
				t.Errorf("%s has %s", name, line)
			}
		}
		if !strings.Contains(log, "tool called") {
			t.Errorf("%s has nothing of the calls, so this shows nothing:\n%s", name, log)
		}
	}
}

// sing calls tools with a canary wherever something can be said. Each round has names of
// its own.
func sing(t *testing.T, ctx context.Context, h *host, round string) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, canary+".txt")
	if err := os.WriteFile(file, []byte(canary), 0o600); err != nil {
		t.Fatal(err)
	}
	calls := []struct{ tool, args string }{
		{"flow_new_org", `{"name":"team-%[1]s"}`},
		{"flow_new_channel", `{"org":"Home","name":"%[3]s-%[1]s"}`},
		{"flow_send_message", `{"channel":"%[3]s-%[1]s","text":"%[1]s","other_data":{"%[1]s":"%[1]s"},"idempotency_key":"%[3]s-%[1]s","files":["%[2]s"]}`},
		{"flow_send_message", `{"channel":"%[3]s-%[1]s","text":"other %[1]s","idempotency_key":"%[3]s-%[1]s"}`},
		{"flow_send_message", `{"channel":"no-%[1]s","text":"%[1]s","files":["/none/%[1]s"],"%[1]s":"%[1]s"}`},
		{"flow_send_message", `{"channel":"general","text":"x","files":["/none/%[1]s"]}`},
		{"flow_enumerate_messages", `{"channel":"%[3]s-%[1]s","before":"%[1]s"}`},
		{"flow_search", `{"search":"%[1]s"}`},
		{"flow_catch_up", `{}`},
		{"flow_create_account", `{"username":"bob-%[1]s","password":"%[1]s-secret","phone_number":"%[1]s","device_name":"%[1]s"}`},
		{"flow_change_password", `{"new_password":"%[1]s-secret"}`},
		{"flow_create_device", `{"username":"bob-%[1]s","password":"wrong-%[1]s"}`},
		{"flow_new_attachment", `{"org":"Home","file_path":"%[2]s"}`},
		{"flow_get_attachment", `{"attachment":"%[1]s"}`},
		{"flow_save_attachment", `{"attachment":"%[1]s","folder":"/none/%[1]s"}`},
		{"flow_set_profile", `{"profile":"%[1]s"}`},
		{"flow_%[1]s", `{}`},
		{"flow_status", `"%[1]s"`},
	}
	for _, c := range calls {
		var request mcp.CallToolRequest
		request.Params.Name = strings.ReplaceAll(c.tool, "%[1]s", canary)
		request.Params.Arguments = json.RawMessage(strings.NewReplacer("%[1]s", canary, "%[2]s", file, "%[3]s", round).Replace(c.args))
		request.Params.Meta = &mcp.Meta{AdditionalFields: map[string]any{mcp.MetaKeyLogLevel: "debug"}}
		if _, err := h.client.CallTool(ctx, request); ctx.Err() != nil {
			t.Fatal(err)
		}
	}
	if said, err := h.call(ctx, "flow_enumerate_messages", `{"channel":"`+round+"-"+canary+`"}`); err != nil || !strings.Contains(text(said.Content), canary+".txt") {
		t.Errorf("nothing was said, so this shows nothing: %v, %v", said, err)
	}
	var read mcp.ReadResourceRequest
	read.Params.URI = "flow://channels/" + canary
	_, _ = h.client.ReadResource(ctx, read)
	fmt.Fprintf(h.stdin, "{%q\n{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"%s\"}\n", canary, canary)
}

// TestBackendLogsNoTokens: neither the token of a backend nor what is sent to it, with the
// right token or a wrong one, gets into its log.
func TestBackendLogsNoTokens(t *testing.T) {
	var stderr record
	cmd := exec.Command(binary, "backend", "--log-level", "debug", "--until-stdin-closes", "--data-dir", t.TempDir(), "0")
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	var handshake struct{ Token, Port string }
	if err := json.Unmarshal(line, &handshake); err != nil {
		t.Fatalf("the handshake is %q: %v", line, err)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{handshake.Token, "wrong-" + canary, ""} {
		for _, body := range []string{
			`{"method":"Config","params":[{}],"token":%q}`, `{"method":"NewSession","params":[{}],"token":%q}`,
			`{"method":"StartUpLocal","params":[{"SessionID":1,"Username":"` + canary + `"}],"token":%q}`,
			`{"method":"` + canary + `","params":[{"` + canary + `":1}],"token":%q}`,
			`{"method":"SendMessage","params":[{"SessionID":1,"ChannelID":"` + canary + `","Text":"` + canary + `"}],"token":%q}`,
			`{"` + canary + `%q`,
		} {
			reply, err := http.Post("http://127.0.0.1:"+handshake.Port+"/rpc", "application/json", strings.NewReader(fmt.Sprintf(body, token)))
			if err != nil {
				t.Fatal(err)
			}
			reply.Body.Close()
		}
	}
	stdin.Close()
	_ = cmd.Wait()
	log := stderr.String()
	if strings.Contains(log, canary) || strings.Contains(log, handshake.Token) || !strings.Contains(log, "owns the store") {
		t.Errorf("the log is\n%s", log)
	}
}
