package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/pkg/jsonmessage"
)

// imageName has a registry that there is not, so that nobody ever asks one of
// the net for it, nor puts the name of one before it.
const imageName = "localhost/peerbed"

// labelImage is on the image alone: containers have the labels of their image
// too, and not every container of it belongs to a run.
const labelImage = "peerbed.image"

// keepImages is how long an image that no container uses is kept, so that a
// change that is taken back, or another checkout, finds it again.
const keepImages = time.Hour

// build returns the name of an image with these programs, and makes it if the
// daemon has none.
func (e *engine) build(ctx context.Context, b binaries, progress func(string, ...any)) (name string, err error) {
	content := layer(b)
	sum := sha256.Sum256(content)
	name = imageName + ":" + hex.EncodeToString(sum[:8])
	err = call(ctx, func(ctx context.Context) error {
		_, err := e.ImageInspect(ctx, name)
		return err
	})
	if !errdefs.IsNotFound(err) {
		return name, err
	}
	progress("making the image of the nodes, %d MB", len(content)>>20)
	return name, call(ctx, func(ctx context.Context) error { return e.importImage(ctx, name, content) })
}

// importImage makes an image of one layer, which is all that "FROM scratch" and
// a COPY would, without the containers and images that a build goes through.
func (e *engine) importImage(ctx context.Context, name string, layer []byte) error {
	r, err := e.ImageImport(ctx, image.ImportSource{Source: bytes.NewReader(layer), SourceName: "-"}, name,
		image.ImportOptions{Message: "the nodes and the agent of peerbed", Changes: []string{"LABEL " + labelImage + "=1"}})
	if err != nil {
		return err
	}
	defer r.Close()
	return jsonmessage.DisplayJSONMessagesStream(r, io.Discard, 0, false, nil)
}

// rootFolders are where the folders of the host are bound; a read-only root
// cannot grow them later.
var rootFolders = []string{"ctl/", "data/", "peerbed/"}

// layer is the tar of the image's root, two programs and nothing else: the same
// bytes for the same programs.
func layer(b binaries) []byte {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	add := func(name string, kind byte, content []byte) {
		// Writing to memory fails only for a header that makes no sense.
		h := tar.Header{Name: name, Typeflag: kind, Mode: 0o755, Size: int64(len(content))}
		if err := w.WriteHeader(&h); err != nil {
			panic(fmt.Sprintf("docker: tar header of %s: %v", name, err))
		}
		w.Write(content)
	}
	for _, name := range rootFolders {
		add(name, tar.TypeDir, nil)
	}
	add(nodeProgram, tar.TypeReg, b.node)
	add(agentProgram, tar.TypeReg, b.agent)
	w.Close()
	return buf.Bytes()
}

// forgetImages removes the testbed's images that are old and not in use, but those.
func (e *engine) forgetImages(ctx context.Context, but ...string) error {
	return call(ctx, func(ctx context.Context) error {
		all, err := e.ImageList(ctx, image.ListOptions{Filters: labelled(labelImage + "=1")})
		if err != nil {
			return err
		}
		for _, i := range all {
			old := time.Since(time.Unix(i.Created, 0)) > keepImages
			if len(i.RepoTags) == 1 && slices.Contains(but, i.RepoTags[0]) || !old {
				continue
			}
			// Refused while a container needs it, as it should be.
			_, _ = e.ImageRemove(ctx, i.ID, image.RemoveOptions{})
		}
		return nil
	})
}
