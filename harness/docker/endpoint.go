package docker

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/docker/docker/client"
)

// An endpoint is where a daemon is, found as the docker command finds it:
// DOCKER_HOST comes first, then the context that DOCKER_CONTEXT names, then the
// current one of "docker context use", and at last the socket of this machine.
type endpoint struct {
	host   string // "unix:///var/run/docker.sock"; "": the usual one
	certs  string // the folder of ca.pem, cert.pem and key.pem; "": it speaks without TLS
	verify bool   // whether the daemon's certificate must be right
	chosen string // why it is this one: "DOCKER_HOST"
}

// findEndpoint reads the environment and the files of the docker command.
func findEndpoint() (endpoint, error) {
	if host := os.Getenv(client.EnvOverrideHost); host != "" {
		e := endpoint{host: host, certs: os.Getenv(client.EnvOverrideCertPath), verify: os.Getenv(client.EnvTLSVerify) != "", chosen: client.EnvOverrideHost}
		if e.verify && e.certs == "" {
			e.certs = configDir()
		}
		return e, nil
	}
	if name := os.Getenv("DOCKER_CONTEXT"); name != "" {
		return contextEndpoint(name, "DOCKER_CONTEXT="+name)
	}
	name, err := currentContext()
	if err != nil {
		return endpoint{}, err
	}
	return contextEndpoint(name, "the current docker context, "+name)
}

// configDir is the folder of the docker command's files.
func configDir() string {
	if dir := os.Getenv("DOCKER_CONFIG"); dir != "" {
		return dir
	}
	home, _ := os.UserHomeDir() // without one there are no files
	return filepath.Join(home, ".docker")
}

// usualContext names the daemon of this machine, which has no file.
const usualContext = "default"

// currentContext reads which context "docker context use" has chosen.
func currentContext() (string, error) {
	path := filepath.Join(configDir(), "config.json")
	var c struct{ CurrentContext string }
	if err := readJSON(path, &c); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s cannot be read (%w); mend it, or set DOCKER_HOST", path, err)
	}
	if c.CurrentContext == "" {
		return usualContext, nil
	}
	return c.CurrentContext, nil
}

// contextEndpoint reads what "docker context create" has written. The folders of
// a context are named after a hash of its name.
func contextEndpoint(name, chosen string) (endpoint, error) {
	if name == usualContext {
		return endpoint{chosen: "the default"}, nil
	}
	sum := sha256.Sum256([]byte(name))
	dir, id := filepath.Join(configDir(), "contexts"), hex.EncodeToString(sum[:])
	var meta struct {
		Endpoints struct {
			Docker struct {
				Host          string
				SkipTLSVerify bool
			} `json:"docker"`
		}
	}
	err := readJSON(filepath.Join(dir, "meta", id, "meta.json"), &meta)
	at := meta.Endpoints.Docker
	switch {
	case err != nil:
		return endpoint{}, fmt.Errorf("there is no docker context %q that can be read (%w); \"docker context ls\" lists those that there are, or set DOCKER_HOST", name, err)
	case at.Host == "":
		return endpoint{}, fmt.Errorf("the docker context %q names no Docker daemon; choose another one (docker context use), or set DOCKER_HOST", name)
	}
	e := endpoint{host: at.Host, verify: !at.SkipTLSVerify, chosen: chosen}
	if certs := filepath.Join(dir, "tls", id, "docker"); exists(certs) {
		e.certs = certs
	}
	return e, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func readJSON(path string, v any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}

// environment is the endpoint in the variables that Docker's own library reads.
func (e endpoint) environment() map[string]string {
	verify := ""
	if e.verify && e.certs != "" {
		verify = "1"
	}
	return map[string]string{client.EnvOverrideHost: e.host, client.EnvOverrideCertPath: e.certs, client.EnvTLSVerify: verify}
}

// endpointTurn is held while the environment is not the user's.
var endpointTurn sync.Mutex

// within calls f in the endpoint's environment: testcontainers, which looks for a
// daemon by itself, must find this one.
func (e endpoint) within(f func() error) error {
	endpointTurn.Lock()
	defer endpointTurn.Unlock()
	for name, value := range e.environment() {
		old, was := os.LookupEnv(name)
		os.Setenv(name, value)
		defer func() {
			os.Setenv(name, old)
			if !was {
				os.Unsetenv(name)
			}
		}()
	}
	return f()
}

// dial makes a client of the daemon.
func (e endpoint) dial() (c *client.Client, err error) {
	if strings.HasPrefix(e.host, "ssh://") {
		return nil, fmt.Errorf("%s, from %s, is reached by ssh, which is not spoken here; let ssh carry it: run \"ssh -nNT -L 127.0.0.1:2375:/var/run/docker.sock %s\" and set DOCKER_HOST=tcp://127.0.0.1:2375",
			e.host, e.chosen, strings.TrimPrefix(e.host, "ssh://"))
	}
	err = e.within(func() error {
		c, err = client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
		return err
	})
	switch {
	case err == nil:
		return c, nil
	case e.certs != "":
		return nil, fmt.Errorf("the certificates in %s, from %s, cannot be used (%w); mend them, or choose another daemon", e.certs, e.chosen, err)
	}
	return nil, fmt.Errorf("%s, from %s, cannot be used (%w); unset it for the daemon of this machine", e.host, e.chosen, err)
}
