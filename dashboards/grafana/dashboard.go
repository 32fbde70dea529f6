package grafana

// SchemaVersion is the newest version of the classic model. Grafana migrates
// older ones when it loads them, and takes a newer one as it is.
const SchemaVersion = 42

// A Dashboard is one board.
type Dashboard struct {
	UID           string      `json:"uid"` // in its address; the same for ever, since links and bookmarks use it
	Title         string      `json:"title"`
	Description   string      `json:"description"`
	Tags          []string    `json:"tags"`
	SchemaVersion int         `json:"schemaVersion"`
	Editable      bool        `json:"editable"`
	GraphTooltip  int         `json:"graphTooltip"` // 1: one crosshair over all panels
	Refresh       string      `json:"refresh"`      // "5s"; "": only by hand
	Time          TimeRange   `json:"time"`
	Timezone      string      `json:"timezone"`
	Templating    Templating  `json:"templating"`
	Annotations   Annotations `json:"annotations"`
	Links         []Link      `json:"links"`
	Panels        []*Panel    `json:"panels"`
}

// A TimeRange is what a board shows at first: "now-30m" to "now".
type TimeRange struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// A DataSource names whom a query asks.
type DataSource struct {
	Type string `json:"type"`
	UID  string `json:"uid"` // "${ds}": the one that the reader has chosen
}

// Templating holds a board's variables, in the order of the boxes above it.
type Templating struct {
	List []Variable `json:"list"`
}

// A Variable is a box above the board; $name in a query is what is chosen there.
type Variable struct {
	Name        string      `json:"name"`
	Label       string      `json:"label"`
	Description string      `json:"description"`
	Type        string      `json:"type"` // "datasource", "query" or "custom"
	DataSource  *DataSource `json:"datasource,omitempty"`
	Query       any         `json:"query"` // the data source's type, a VariableQuery, or values with commas between
	Refresh     int         `json:"refresh"`
	Regex       string      `json:"regex"`
	Sort        int         `json:"sort"`
	Multi       bool        `json:"multi"`
	IncludeAll  bool        `json:"includeAll"`
	AllValue    string      `json:"allValue,omitempty"`
	Current     *Choice     `json:"current,omitempty"`
	Options     []Choice    `json:"options,omitempty"` // of a custom one, in full
}

// When a query variable is asked anew, and how its values are sorted.
const (
	OnTimeRange    = 2
	SortedByName   = 1
	SortedDownward = 2
)

// A VariableQuery asks Prometheus for the values of a label.
type VariableQuery struct {
	Query string `json:"query"` // label_values(metric, label)
	RefID string `json:"refId"`
	Type  int    `json:"qryType"`
}

// LabelValues is the type of a VariableQuery that label_values(...) is.
const LabelValues = 1

// A Choice is what is chosen at first; with Multi they are lists.
type Choice struct {
	Text  any `json:"text"`
	Value any `json:"value"`
}

// Annotations are marks over all panels of a board.
type Annotations struct {
	List []Annotation `json:"list"`
}

// An Annotation marks the times at which a query's value is above 0; times not
// more than Step apart are drawn as one region.
type Annotation struct {
	Name        string     `json:"name"`
	DataSource  DataSource `json:"datasource"`
	Enable      bool       `json:"enable"`
	Hide        bool       `json:"hide,omitempty"`
	IconColor   string     `json:"iconColor"`
	BuiltIn     int        `json:"builtIn,omitempty"`
	Type        string     `json:"type,omitempty"`
	Expr        string     `json:"expr,omitempty"`
	Step        string     `json:"step,omitempty"`
	TitleFormat string     `json:"titleFormat,omitempty"`
	TextFormat  string     `json:"textFormat,omitempty"`
	TagKeys     string     `json:"tagKeys,omitempty"`
}

// OwnAnnotations is the entry that every classic board begins with: what
// readers themselves write on it.
func OwnAnnotations() Annotation {
	return Annotation{Name: "Annotations & Alerts", DataSource: DataSource{"grafana", "-- Grafana --"},
		Enable: true, Hide: true, IconColor: "rgba(0, 211, 255, 1)", BuiltIn: 1, Type: "dashboard"}
}

// A Link leads from a board to others with one of Tags (type "dashboards"), or
// to URL (type "link"). Grafana's schema wants every field.
type Link struct {
	Title       string   `json:"title"`
	Type        string   `json:"type"`
	Icon        string   `json:"icon"`
	Tooltip     string   `json:"tooltip"`
	URL         string   `json:"url,omitempty"`
	Tags        []string `json:"tags"`
	AsDropdown  bool     `json:"asDropdown"`
	TargetBlank bool     `json:"targetBlank"`
	IncludeVars bool     `json:"includeVars"`
	KeepTime    bool     `json:"keepTime"`
}
