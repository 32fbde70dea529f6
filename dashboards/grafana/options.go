package grafana

// Options of each type of panel: the field Panel.Options. They are written in
// full, so that a board does not change its looks when a default does.

// A Reduce makes one value of a series: Calcs "lastNotNull", "mean", "max".
type Reduce struct {
	Calcs  []string `json:"calcs"`
	Fields string   `json:"fields"`
	Values bool     `json:"values"`
}

// Last is the value at the end.
func Last() Reduce { return Reduce{Calcs: []string{"lastNotNull"}} }

// TimeSeries are the options of type "timeseries".
type TimeSeries struct {
	Legend  Legend  `json:"legend"`
	Tooltip Tooltip `json:"tooltip"`
}

// A Legend lists the curves: DisplayMode "list" or "table", with Calcs as columns.
type Legend struct {
	ShowLegend  bool     `json:"showLegend"`
	DisplayMode string   `json:"displayMode"`
	Placement   string   `json:"placement"`
	Calcs       []string `json:"calcs"`
}

// A Tooltip is what the pointer shows: Mode "multi" is all curves.
type Tooltip struct {
	Mode string `json:"mode"`
	Sort string `json:"sort"`
}

// A Curve is the Field.Custom of a time series.
type Curve struct {
	DrawStyle         string   `json:"drawStyle"` // "line" or "bars"
	LineInterpolation string   `json:"lineInterpolation"`
	LineWidth         int      `json:"lineWidth"`
	FillOpacity       int      `json:"fillOpacity"`
	ShowPoints        string   `json:"showPoints"`
	SpanNulls         bool     `json:"spanNulls"`
	AxisSoftMin       *float64 `json:"axisSoftMin,omitempty"`
	AxisLabel         string   `json:"axisLabel,omitempty"`
	Stacking          Stacking `json:"stacking"`
}

// Stacking lays curves on one another: Mode "none" or "normal".
type Stacking struct {
	Mode  string `json:"mode"`
	Group string `json:"group"`
}

// Stat are the options of type "stat".
type Stat struct {
	ReduceOptions Reduce `json:"reduceOptions"`
	Orientation   string `json:"orientation"`
	TextMode      string `json:"textMode"`
	ColorMode     string `json:"colorMode"`
	GraphMode     string `json:"graphMode"`
	JustifyMode   string `json:"justifyMode"`
	WideLayout    bool   `json:"wideLayout"`
}

// BarGauge are the options of type "bargauge".
type BarGauge struct {
	ReduceOptions Reduce `json:"reduceOptions"`
	Orientation   string `json:"orientation"`
	DisplayMode   string `json:"displayMode"`
	ValueMode     string `json:"valueMode"`
	NamePlacement string `json:"namePlacement"`
	ShowUnfilled  bool   `json:"showUnfilled"`
	MinVizHeight  int    `json:"minVizHeight"`
	MaxVizHeight  int    `json:"maxVizHeight"`
	Sizing        string `json:"sizing"`
	Legend        Legend `json:"legend"`
}

// Table are the options of type "table".
type Table struct {
	ShowHeader bool      `json:"showHeader"`
	CellHeight string    `json:"cellHeight"`
	SortBy     []SortBy  `json:"sortBy"`
	Footer     Invisible `json:"footer"`
}

// Invisible is a part of a panel that is not shown.
type Invisible struct {
	Show bool `json:"show"`
}

// A SortBy is a column by which a table is sorted at first.
type SortBy struct {
	DisplayName string `json:"displayName"`
	Desc        bool   `json:"desc"`
}

// Heatmap are the options of type "heatmap" over a query that already counts by
// bucket.
type Heatmap struct {
	Calculate    bool      `json:"calculate"`
	Color        HeatColor `json:"color"`
	YAxis        YAxis     `json:"yAxis"`
	RowsFrame    RowsFrame `json:"rowsFrame"`
	Tooltip      HeatTip   `json:"tooltip"`
	Legend       Invisible `json:"legend"`
	CellGap      int       `json:"cellGap"`
	FilterValues Above     `json:"filterValues"`
}

// A HeatColor is a heat map's colours.
type HeatColor struct {
	Mode     string  `json:"mode"`
	Scheme   string  `json:"scheme"`
	Scale    string  `json:"scale"`
	Exponent float64 `json:"exponent"`
	Steps    int     `json:"steps"`
	Reverse  bool    `json:"reverse"`
}

// A YAxis is a heat map's axis of buckets.
type YAxis struct {
	Unit      string `json:"unit"`
	Placement string `json:"axisPlacement"`
}

// A RowsFrame says what the rows of classic buckets are: Layout "auto".
type RowsFrame struct {
	Layout string `json:"layout"`
	Value  string `json:"value"`
}

// A HeatTip is what the pointer shows on a heat map.
type HeatTip struct {
	Mode       string `json:"mode"`
	YHistogram bool   `json:"yHistogram"`
}

// Above leaves out cells below LE.
type Above struct {
	LE float64 `json:"le"`
}

// StateTimeline are the options of type "state-timeline".
type StateTimeline struct {
	MergeValues bool    `json:"mergeValues"`
	ShowValue   string  `json:"showValue"`
	AlignValue  string  `json:"alignValue"`
	RowHeight   float64 `json:"rowHeight"`
	Legend      Legend  `json:"legend"`
	Tooltip     Tooltip `json:"tooltip"`
}

// States is the Field.Custom of a state timeline.
type States struct {
	LineWidth   int  `json:"lineWidth"`
	FillOpacity int  `json:"fillOpacity"`
	SpanNulls   bool `json:"spanNulls"`
}

// NodeGraph are the options of type "nodeGraph".
type NodeGraph struct {
	ZoomMode        string `json:"zoomMode"`
	LayoutAlgorithm string `json:"layoutAlgorithm"`
}

// Text are the options of type "text".
type Text struct {
	Mode    string `json:"mode"` // "markdown"
	Content string `json:"content"`
}

// Empty are the options of types that have none: "flamegraph".
type Empty struct{}
