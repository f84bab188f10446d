interface Drawn {
  unit?: string | undefined
  values: readonly (number | null | undefined)[]
}
/** Series of the same unit, or of none, share a scale while the greater is not more than this many times the lesser. */
const farApart = 8

const sizeOf = ({ values }: Drawn): number =>
  values.reduce<number>((most, value) => Math.max(most, Math.abs(value ?? 0)), 0)

/**
 * Which scale each series is drawn against: one for each unit, so that 3 bar are not a flat line under 80 °C. Series without a unit are put
 * together by their size. The first two scales get an axis; of the others the legend tells the values.
 */
export const toScales = (series: readonly Drawn[]): string[] => {
  const scales: { name: string; unit: string; size: number }[] = []
  return series.map((each) => {
    const unit = each.unit ?? ''
    const size = sizeOf(each)
    const fitting = scales.find(
      (scale) =>
        scale.unit === unit && (unit !== '' || Math.max(size, scale.size) <= farApart * Math.min(size, scale.size)),
    )
    if (fitting) return fitting.name
    const name = `y${scales.length + 1}`
    scales.push({ name, unit, size })
    return name
  })
}
