package docker

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// newConfig makes an empty folder of the docker command's and clears the
// variables that come before it.
func newConfig(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("DOCKER_CONFIG", dir)
	for _, name := range []string{"DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY"} {
		t.Setenv(name, "")
	}
	return dir
}

func write(t *testing.T, text string, path ...string) {
	t.Helper()
	name := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// hashed is the name of a context's folder.
func hashed(name string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(name))) }

// writeContext writes what "docker context create NAME --docker host=HOST" does.
func writeContext(t *testing.T, dir, name, host string) {
	t.Helper()
	meta := fmt.Sprintf(`{"Name":%q,"Metadata":{},"Endpoints":{"docker":{"Host":%q,"SkipTLSVerify":false}}}`, name, host)
	write(t, meta, dir, "contexts", "meta", hashed(name), "meta.json")
}

// "Found as the docker command finds it": what is named, and by whom, comes
// before what is named further down.
func TestEndpoint(t *testing.T) {
	dir := newConfig(t)
	writeContext(t, dir, "lab", "tcp://192.0.2.1:2375")
	writeContext(t, dir, "safe", "tcp://192.0.2.2:2376")
	certs := filepath.Join(dir, "contexts", "tls", hashed("safe"), "docker")
	write(t, "", certs, "ca.pem")
	const lab, far = `{"currentContext":"lab"}`, "DOCKER_HOST=tcp://192.0.2.3:1"
	for _, c := range []struct {
		config, env string
		want        endpoint
	}{
		{"", "", endpoint{chosen: "the default"}},
		{lab, "", endpoint{"tcp://192.0.2.1:2375", "", true, "the current docker context, lab"}},
		{lab, "DOCKER_CONTEXT=safe", endpoint{"tcp://192.0.2.2:2376", certs, true, "DOCKER_CONTEXT=safe"}},
		{lab, "DOCKER_CONTEXT=default", endpoint{chosen: "the default"}},
		{lab, far + " DOCKER_CONTEXT=safe", endpoint{host: "tcp://192.0.2.3:1", chosen: "DOCKER_HOST"}},
		{"", far + " DOCKER_TLS_VERIFY=1", endpoint{"tcp://192.0.2.3:1", dir, true, "DOCKER_HOST"}},
		{"", far + " DOCKER_CERT_PATH=/certs", endpoint{"tcp://192.0.2.3:1", "/certs", false, "DOCKER_HOST"}},
	} {
		t.Run(c.config+" "+c.env, func(t *testing.T) {
			os.Remove(filepath.Join(dir, "config.json"))
			if c.config != "" {
				write(t, c.config, dir, "config.json")
			}
			for _, setting := range strings.Fields(c.env) {
				name, value, _ := strings.Cut(setting, "=")
				t.Setenv(name, value)
			}
			if got, err := findEndpoint(); got != c.want || err != nil {
				t.Errorf("%+v (error %v), want %+v", got, err, c.want)
			}
		})
	}
}

// A context leads to the daemon, and what the environment says is as before.
func TestContextLeads(t *testing.T) {
	e := needDaemon(t)
	dir := newConfig(t)
	writeContext(t, dir, "here", e.DaemonHost())
	t.Setenv("DOCKER_CONTEXT", "here")
	name, err := Available(t.Context())
	if err != nil || !strings.HasSuffix(name, "(DOCKER_CONTEXT=here)") {
		t.Errorf("%q, error %v, want the daemon of the context", name, err)
	}
	if got := os.Getenv("DOCKER_HOST"); got != "" {
		t.Errorf("DOCKER_HOST is %q, want that it is as before", got)
	}
}

// mustRefuse wants one sentence with these words, of Available.
func mustRefuse(t *testing.T, what, words string) {
	t.Helper()
	_, err := Available(t.Context())
	if err == nil || !strings.Contains(err.Error(), words) || strings.Contains(err.Error(), "\n") {
		t.Errorf("%s: error %v, want one line with %q", what, err, words)
	}
}

// Contexts that lead nowhere, and what would help.
func TestNoContext(t *testing.T) {
	dir := newConfig(t)
	write(t, `{"currentContext":`, dir, "config.json")
	mustRefuse(t, "a damaged config.json", "mend it")
	write(t, `{"currentContext":"gone"}`, dir, "config.json")
	mustRefuse(t, "a context that is not there", "docker context ls")
	for name, host := range map[string]string{"swarm": "", "far": "ssh://me@lab", "odd": "nonsense"} {
		writeContext(t, dir, name, host)
		t.Setenv("DOCKER_CONTEXT", name)
		mustRefuse(t, name, map[string]string{"swarm": "names no Docker daemon", "far": "ssh -nNT -L", "odd": "unset it"}[name])
	}
}

// A daemon with which TLS is not agreed: certificates that are not there, that
// are not its own, or that one side alone has.
func TestNoTLS(t *testing.T) {
	newConfig(t)
	refuse := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) })
	secure, plain := httptest.NewUnstartedServer(refuse), httptest.NewServer(refuse)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	defer plain.Close()
	secureAt, plainAt := "tcp://"+secure.Listener.Addr().String(), "tcp://"+plain.Listener.Addr().String()
	t.Setenv("DOCKER_HOST", secureAt)
	mustRefuse(t, "TLS is not asked for", "speaks only TLS")
	t.Setenv("DOCKER_TLS_VERIFY", "1")
	mustRefuse(t, "no certificates", "mend them")
	dir := t.TempDir()
	writeCertificates(t, dir)
	t.Setenv("DOCKER_CERT_PATH", dir)
	mustRefuse(t, "certificates of another", "do not fit")
	t.Setenv("DOCKER_HOST", plainAt)
	mustRefuse(t, "no TLS there", "does not speak TLS")
	t.Setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
	mustRefuse(t, "nobody there", "no Docker daemon answers")
}

// writeCertificates writes certificates that nobody else knows.
func writeCertificates(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true}
	signed, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}))
	write(t, text, dir, "ca.pem")
	write(t, text, dir, "cert.pem")
	write(t, string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret})), dir, "key.pem")
}
