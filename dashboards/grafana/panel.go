package grafana

// A Panel is one picture of a board, with what it asks and how it draws.
type Panel struct {
	ID              int              `json:"id"`
	Type            string           `json:"type"`
	Title           string           `json:"title"`
	Description     string           `json:"description"` // behind the i in its corner
	DataSource      *DataSource      `json:"datasource,omitempty"`
	GridPos         GridPos          `json:"gridPos"`
	Targets         []Target         `json:"targets,omitempty"`
	FieldConfig     FieldConfig      `json:"fieldConfig"`
	Options         any              `json:"options"`
	Transformations []Transformation `json:"transformations,omitempty"`
}

// Columns is the width of a board.
const Columns = 24

// A GridPos is a place on a board, in columns and in rows of 30 pixels.
type GridPos struct {
	H int `json:"h"`
	W int `json:"w"`
	X int `json:"x"`
	Y int `json:"y"`
}

// A Target is one query of a panel: PromQL or Profile.
type Target interface{ target() }

// PromQL is a query to Prometheus. Instant asks for the values at the end of
// the board's time range, Range for those over it; one of them must be true.
type PromQL struct {
	RefID      string     `json:"refId"`
	DataSource DataSource `json:"datasource"`
	Expr       string     `json:"expr"`
	Legend     string     `json:"legendFormat,omitempty"` // "{{label}}"
	Format     string     `json:"format"`                 // "time_series", "table" or "heatmap"
	// Interval is how far apart samples are at least. $__rate_interval is four
	// times that: without it, the data source's setting counts, for all alike.
	Interval   string `json:"interval"`
	Instant    bool   `json:"instant"`
	Range      bool   `json:"range"`
	EditorMode string `json:"editorMode"`
}

func (PromQL) target() {}

// Profile is a query to Pyroscope: the merged profile that a flame graph draws.
type Profile struct {
	RefID         string     `json:"refId"`
	DataSource    DataSource `json:"datasource"`
	QueryType     string     `json:"queryType"`     // "profile" or "metrics"
	ProfileType   string     `json:"profileTypeId"` // "process_cpu:cpu:nanoseconds:cpu:nanoseconds"
	LabelSelector string     `json:"labelSelector"`
	GroupBy       []string   `json:"groupBy"`
}

func (Profile) target() {}

// A FieldConfig says how values are shown: Defaults, but for the fields that an
// Override names.
type FieldConfig struct {
	Defaults  Field      `json:"defaults"`
	Overrides []Override `json:"overrides"`
}

// A Field is how a value is shown.
type Field struct {
	Unit       string      `json:"unit"`
	Min        *float64    `json:"min,omitempty"`
	Max        *float64    `json:"max,omitempty"`
	Decimals   *int        `json:"decimals,omitempty"`
	NoValue    string      `json:"noValue,omitempty"`
	Color      *Color      `json:"color,omitempty"`
	Thresholds *Thresholds `json:"thresholds,omitempty"`
	Mappings   []Mapping   `json:"mappings,omitempty"`
	Links      []DataLink  `json:"links,omitempty"`
	Custom     any         `json:"custom,omitempty"` // of the panel's type: Curve, States
}

// Thresholds colour values: each Step from its Value upward.
type Thresholds struct {
	Mode  string `json:"mode"` // "absolute"
	Steps []Step `json:"steps"`
}

// A Step is a colour and where it begins; the first has no Value.
type Step struct {
	Color string   `json:"color"`
	Value *float64 `json:"value"`
}

// A Color says where colours come from: "thresholds", "palette-classic-by-name"
// (a name has one colour on all boards), or "fixed".
type Color struct {
	Mode  string `json:"mode"`
	Fixed string `json:"fixedColor,omitempty"`
}

// A Mapping shows some values as words: Type "value", Options from the value to
// its Shown.
type Mapping struct {
	Type    string           `json:"type"`
	Options map[string]Shown `json:"options"`
}

// A Shown is how a mapped value looks.
type Shown struct {
	Text  string `json:"text"`
	Color string `json:"color,omitempty"`
	Index int    `json:"index"`
}

// A DataLink leads from a value to an address with ${...} of its row.
type DataLink struct {
	Title string `json:"title"`
	URL   string `json:"url"`
}

// An Override is for the fields that Matcher finds.
type Override struct {
	Matcher    Matcher    `json:"matcher"`
	Properties []Property `json:"properties"`
}

// A Matcher finds fields: ID "byName", "byRegexp", "byFrameRefID".
type Matcher struct {
	ID      string `json:"id"`
	Options string `json:"options"`
}

// A Property is a setting of a field, called as its path: "unit", "custom.width".
type Property struct {
	ID    string `json:"id"`
	Value any    `json:"value"`
}

// A Transformation works on the answers before they are drawn.
type Transformation struct {
	ID      string `json:"id"`
	Options any    `json:"options"`
}

// Organize is the transformation that renames, leaves out and orders columns.
type Organize struct {
	Exclude map[string]bool   `json:"excludeByName"`
	Order   map[string]int    `json:"indexByName"`
	Rename  map[string]string `json:"renameByName"`
}

// Of returns a pointer to v, for fields that may be absent.
func Of[T any](v T) *T { return &v }
