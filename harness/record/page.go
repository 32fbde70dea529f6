package record

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"os"
	"path/filepath"
)

// A Page is what a run leaves for people: one file of HTML that needs nothing
// else.
type Page struct {
	Title string
	Lead  string // what was done and what came of it
	// Facts are the world, the seed, the plan: what a reader needs to judge
	// the rest, and to repeat it.
	Facts []Fact
	// Command repeats the run.
	Command string
	Tables  []Table
	Plots   []Plot
	Parts   []Part
}

// A Fact is a name and what stands for it.
type Fact struct{ Name, Value string }

// A Part tells one story of a Page: one protocol, one experiment.
type Part struct {
	Title   string
	Text    []string // paragraphs
	Plots   []Plot
	Overlay Overlay
}

//go:embed page.html
var pageSource string

var pageTemplate = template.Must(template.New("page").Parse(pageSource))

// The page as its template sees it: pictures drawn already.
type (
	pageView struct {
		*Page
		Plots []figure
		Parts []partView
	}
	partView struct {
		*Part
		Plots    []figure
		Pictures []figure
		Shown    string
		Ring     bool
	}
	figure struct {
		Drawing          template.HTML
		Caption, Text    string
		Names            []string // of a plot's series
		Steps            []string
		Outcome          string
		Alive, Gone      int
		Sides, HasHolder bool
	}
)

// WriteTo writes the page.
func (p *Page) WriteTo(w io.Writer) (int64, error) {
	v := pageView{Page: p, Plots: plots(p.Plots)}
	for i := range p.Parts {
		v.Parts = append(v.Parts, viewPart(&p.Parts[i]))
	}
	count := &counter{w: w}
	err := pageTemplate.Execute(count, v)
	return count.n, err
}

// Save writes the page to a file, whose folder it makes if need be.
func (p *Page) Save(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return fmt.Errorf("cannot save the page: %w", err)
	}
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("cannot save the page: %w", err)
	}
	_, err = p.WriteTo(f)
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

func plots(all []Plot) []figure {
	var out []figure
	for i := range all {
		f := figure{Drawing: all[i].draw(), Caption: all[i].Title, Text: all[i].Y}
		for _, s := range all[i].Series {
			f.Names = append(f.Names, s.Name)
		}
		out = append(out, f)
	}
	return out
}

func viewPart(p *Part) partView {
	v := partView{Part: p, Plots: plots(p.Plots), Ring: p.Overlay.Angle != nil}
	if len(p.Overlay.Pictures) == 0 {
		return v
	}
	d := newDrawing(&p.Overlay)
	v.Shown = d.shown()
	for i := range p.Overlay.Pictures {
		q := &p.Overlay.Pictures[i]
		v.Pictures = append(v.Pictures, figure{
			Drawing: d.draw(q), Caption: q.Caption, Text: q.Text, Steps: d.steps(q.Route), Outcome: q.Outcome,
			Alive: len(q.Nodes), Gone: len(q.Gone), Sides: len(q.Sides) > 0, HasHolder: len(q.Holders) > 0,
		})
	}
	return v
}

// A counter counts what is written through it.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}
