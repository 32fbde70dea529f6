package control

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"peerbed/protocols/p2p"
)

// A Node is what a server offers to the outside. Its methods may be called from
// any goroutine; an error that wraps p2p.ErrGone says that the node has ended.
type Node interface {
	Health() Health
	Start() error
	Do(ctx context.Context, op p2p.Op) (r p2p.Result, took time.Duration)
	Inspect() (p2p.State, error)
	Wire
	Folder
}

// A Wire is a node's side of the network.
type Wire interface {
	Counters() (CountersReply, error)
	SetNet(Net) error
	Probe(ProbeRequest) (ProbeReply, error)
	Heard(series uint64) (HeardReply, error)
}

// A Folder is a node's disk as a user sees it.
type Folder interface {
	PutBlob(name string, from io.Reader) error
	GetBlob(name string) (io.ReadCloser, error)
}

// MaxBlob is the longest blob that PUT /blob takes, in bytes.
const MaxBlob = 1 << 30

// maxBody is the longest body of a request, in bytes: a Net that names every
// pair of a large run is the longest there is.
const maxBody = 8 << 20

// NewServer returns the handler of n's control API. More may be hung into it.
func NewServer(n Node) *http.ServeMux {
	s := server{n}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", s.health)
	mux.HandleFunc("POST /start", s.start)
	mux.HandleFunc("POST /do", s.do)
	mux.HandleFunc("GET /inspect", s.inspect)
	mux.HandleFunc("GET /counters", s.counters)
	mux.HandleFunc("PUT /net", s.net)
	mux.HandleFunc("POST /probe", s.probe)
	mux.HandleFunc("GET /probes/{series}", s.heard)
	mux.HandleFunc("PUT /blob", s.putBlob)
	mux.HandleFunc("GET /blob", s.getBlob)
	return mux
}

type server struct{ node Node }

func (s server) health(w http.ResponseWriter, _ *http.Request) { Answer(w, s.node.Health(), nil) }

func (s server) start(w http.ResponseWriter, _ *http.Request) {
	Answer(w, struct{}{}, s.node.Start())
}

func (s server) do(w http.ResponseWriter, r *http.Request) {
	var q DoRequest
	if !ReadJSON(w, r, &q) {
		return
	}
	op, err := q.Wish()
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	result, took := s.node.Do(r.Context(), op)
	Answer(w, Reply(result, took), nil)
}

func (s server) inspect(w http.ResponseWriter, _ *http.Request) {
	state, err := s.node.Inspect()
	Answer(w, state, err)
}

func (s server) counters(w http.ResponseWriter, _ *http.Request) {
	c, err := s.node.Counters()
	Answer(w, c, err)
}

func (s server) net(w http.ResponseWriter, r *http.Request) {
	var n Net
	if ReadJSON(w, r, &n) {
		Answer(w, struct{}{}, s.node.SetNet(n))
	}
}

func (s server) probe(w http.ResponseWriter, r *http.Request) {
	var q ProbeRequest
	if ReadJSON(w, r, &q) {
		reply, err := s.node.Probe(q)
		Answer(w, reply, err)
	}
}

func (s server) heard(w http.ResponseWriter, r *http.Request) {
	series, err := strconv.ParseUint(r.PathValue("series"), 10, 64)
	if err != nil {
		http.Error(w, "a series is a number; want GET /probes/{series}", http.StatusBadRequest)
		return
	}
	reply, err := s.node.Heard(series)
	Answer(w, reply, err)
}

func (s server) putBlob(w http.ResponseWriter, r *http.Request) {
	err := s.node.PutBlob(r.FormValue("name"), http.MaxBytesReader(w, r.Body, MaxBlob))
	var long *http.MaxBytesError
	if errors.As(err, &long) {
		http.Error(w, fmt.Sprintf("the blob has more than %d bytes", long.Limit), http.StatusRequestEntityTooLarge)
		return
	}
	Answer(w, struct{}{}, err)
}

func (s server) getBlob(w http.ResponseWriter, r *http.Request) {
	from, err := s.node.GetBlob(r.FormValue("name"))
	if err != nil {
		Answer(w, nil, err)
		return
	}
	defer from.Close()
	if _, err := io.Copy(w, from); err != nil {
		panic(http.ErrAbortHandler) // so that the other side does not take what came for the whole
	}
}

// ReadJSON decodes the body of a request, or answers with what is wrong with it.
func ReadJSON(w http.ResponseWriter, r *http.Request, into any) bool {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil && d.More() {
		err = errors.New("there is more than one value")
	}
	var long *http.MaxBytesError
	switch {
	case err == nil:
		return true
	case errors.As(err, &long):
		http.Error(w, fmt.Sprintf("the body has more than %d bytes", long.Limit), http.StatusRequestEntityTooLarge)
	default:
		http.Error(w, fmt.Sprintf("the body is not the JSON of a %s: %v", reflect.TypeOf(into).Elem().Name(), err), http.StatusBadRequest)
	}
	return false
}

// Answer writes v as JSON, or err as a sentence.
func Answer(w http.ResponseWriter, v any, err error) {
	switch {
	case errors.Is(err, p2p.ErrGone):
		http.Error(w, err.Error(), http.StatusGone)
		return
	case err != nil:
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	b, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(b)
}

// Guard lets only those through to h who know the token.
func Guard(h http.Handler, token string) http.Handler {
	want := []byte("Bearer " + token)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), want) != 1 {
			http.Error(w, "the token is missing or wrong; send Authorization: Bearer TOKEN", http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, r)
	})
}
