// The few kinds of panels that the dashboards are made of, with the settings that all of them share: one data source variable,
// one selector, a shared crosshair. What a dashboard adds is titles, expressions and units.
import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import {
  LegendDisplayMode,
  LegendPlacement,
  SortOrder,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import {
  AnnotationQueryBuilder,
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  MappingType,
  type Panel,
  QueryVariableBuilder,
  RowBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  type ValueMapping,
  VariableRefresh,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus'
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat'
import { PanelBuilder as StateTimelineBuilder } from '@grafana/grafana-foundation-sdk/statetimeline'
import { PanelBuilder as TimeSeriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries'

/** An expression and how its series are called; `instant`: only its present value. */
export interface Query {
  readonly expr: string
  readonly legend?: string
}

/** What every selector contains: the two variables that narrow a dashboard down. */
export const SELECTED = 'namespace=~"$namespace", group=~"$group"'
/** For metrics of a process, which have no group unless the scrape configuration gives them one. */
export const SELECTED_PROCESS = 'namespace=~"$namespace"'

const DATASOURCE = { type: 'prometheus', uid: '$datasource' }
const HEIGHT = 8
const TAG = 'vedette'

const target = ({ expr, legend = '' }: Query, refId: string): DataqueryBuilder =>
  new DataqueryBuilder().expr(expr).legendFormat(legend).refId(refId).datasource(DATASOURCE)

const targets = (queries: readonly Query[]): DataqueryBuilder[] =>
  queries.map((query, i) => target(query, String.fromCharCode(65 + i)))

interface Looks {
  /** A unit of Grafana's: `s`, `bytes`, `short`, `percentunit` … */
  readonly unit?: string
  /** Columns out of 24. */
  readonly span?: number
  readonly description?: string
  readonly min?: number
}

/** Curves over time. */
export function graph(title: string, queries: readonly Query[], looks: Looks = {}): Builder<Panel> {
  const panel = new TimeSeriesBuilder()
    .title(title)
    .datasource(DATASOURCE)
    .unit(looks.unit ?? 'short')
    .height(HEIGHT)
    .span(looks.span ?? 12)
    .lineWidth(1)
    .fillOpacity(8)
    .showPoints(VisibilityMode.Never)
    .legend(
      new VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
    .targets(targets(queries))
    .min(looks.min ?? 0)
  return looks.description === undefined ? panel : panel.description(looks.description)
}

/** One number, coloured by thresholds: [value from which, colour], the first for everything below. */
export function stat(
  title: string,
  query: Query,
  looks: Looks & {
    readonly colours?: readonly (readonly [number | null, string])[]
    readonly mappings?: ValueMapping[]
  } = {},
): Builder<Panel> {
  const steps = (looks.colours ?? [[null, 'green']]).map(([value, color]) => ({ value, color }))
  const panel = new StatBuilder()
    .title(title)
    .datasource(DATASOURCE)
    .unit(looks.unit ?? 'short')
    .height(4)
    .span(looks.span ?? 4)
    .thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps))
    .targets(targets([query]))
  if (looks.mappings !== undefined) panel.mappings(looks.mappings)
  return looks.description === undefined ? panel : panel.description(looks.description)
}

/** Bands over time, one a series: value → text and colour. */
export function timeline(
  title: string,
  query: Query,
  states: Readonly<Record<string, { readonly text: string; readonly color: string }>>,
  looks: Looks = {},
): Builder<Panel> {
  const panel = new StateTimelineBuilder()
    .title(title)
    .datasource(DATASOURCE)
    .height(HEIGHT)
    .span(looks.span ?? 24)
    .showValue(VisibilityMode.Auto)
    .mergeValues(true)
    .mappings([valueMapping(states)])
    .targets(targets([query]))
  return looks.description === undefined ? panel : panel.description(looks.description)
}

/** Texts for values. */
export const valueMapping = (
  states: Readonly<Record<string, { readonly text: string; readonly color: string }>>,
): ValueMapping => ({
  type: MappingType.ValueToText,
  options: Object.fromEntries(
    Object.entries(states).map(([value, { text, color }], index) => [value, { text, color, index }]),
  ),
})

export const GOOD_OR_BAD = {
  '0': { text: 'no', color: 'red' },
  '1': { text: 'yes', color: 'green' },
} as const

/** A heading, or panels under it. */
export interface Section {
  readonly title: string
  readonly panels: readonly Builder<Panel>[]
}

/** A dashboard of sections, with the variables, the links between dashboards and the marks of failovers. */
export function dashboard(uid: string, title: string, description: string, sections: readonly Section[]): Dashboard {
  const builder = new DashboardBuilder(`Vedette / ${title}`)
    .uid(uid)
    .description(description)
    .tags([TAG])
    .editable()
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: 'now-1h', to: 'now' })
    .refresh('10s')
    .timezone('browser')
    .withVariable(new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'))
    .withVariable(variable('namespace', 'Namespace', 'label_values(vedette_sentinel_group_quorum, namespace)'))
    .withVariable(
      variable('group', 'Group', 'label_values(vedette_sentinel_group_quorum{namespace=~"$namespace"}, group)'),
    )
    .annotation(
      new AnnotationQueryBuilder()
        .name('Failovers')
        .datasource(DATASOURCE)
        .enable(true)
        .iconColor('orange')
        .expr(FAILOVERS)
        .titleFormat('Failover of {{group}}')
        .textFormat('epoch {{epoch}}'),
    )
    .link(
      new DashboardLinkBuilder('Vedette')
        .type(DashboardLinkType.Dashboards)
        .tags([TAG])
        .asDropdown(true)
        .keepTime(true)
        .includeVars(true),
    )
  for (const section of sections) {
    builder.withRow(new RowBuilder(section.title))
    for (const panel of section.panels) builder.withPanel(panel)
  }
  return builder.build()
}

/** A sample wherever the epoch of a group's configuration rose: the moment of a change of primary. */
const FAILOVERS = `max by (group) (changes(vedette_sentinel_group_config_epoch{${SELECTED}}[$__interval])) > 0`

function variable(name: string, label: string, query: string): QueryVariableBuilder {
  return (
    new QueryVariableBuilder(name)
      .label(label)
      .datasource(DATASOURCE)
      .query({ query, refId: name })
      .refresh(VariableRefresh.OnTimeRangeChanged)
      .includeAll(true)
      .multi(true)
      // A scrape without the label is chosen too.
      .allValue('.*')
      .current({ selected: true, text: 'All', value: '$__all' })
  )
}
