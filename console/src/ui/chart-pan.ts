import type uPlot from 'uplot'

export interface Span {
  /** Seconds since 1970. */
  from: number
  to: number
}

/**
 * Moves a chart along its time: held with Shift it follows the pointer, and what it stops at is asked for when it is let go; the arrow keys
 * go a quarter of what is shown.
 */
export const createChartPan = (
  box: () => HTMLElement | undefined,
  plot: () => uPlot | undefined,
  span: () => Span | undefined,
  stopped: (span: Span) => void,
) => {
  let grabbed: (Span & { at: number }) | undefined
  const show = ({ from, to }: Span): void => plot()?.setScale('x', { min: from, max: to })
  const under = (event: PointerEvent): Span | undefined => {
    const width = (plot()?.bbox.width ?? 0) / devicePixelRatio
    if (!grabbed || width === 0) return undefined
    const seconds = ((grabbed.at - event.clientX) / width) * (grabbed.to - grabbed.from)
    return { from: grabbed.from + seconds, to: grabbed.to + seconds }
  }
  return {
    show,
    /** While it is held nothing else may move it. */
    isHeld: (): boolean => grabbed !== undefined,
    grab(event: PointerEvent): void {
      const now = span()
      if (!now || !event.shiftKey || event.button !== 0) return
      event.preventDefault() // or the same pointer would choose a stretch to zoom to
      grabbed = { ...now, at: event.clientX }
      box()?.setPointerCapture(event.pointerId)
    },
    move(event: PointerEvent): void {
      const now = under(event)
      if (now) show(now)
    },
    drop(event: PointerEvent): void {
      const now = under(event)
      grabbed = undefined
      if (now) stopped(now)
    },
    press(event: KeyboardEvent): void {
      const now = span()
      const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
      if (!now || way === undefined) return
      event.preventDefault()
      const seconds = (way * (now.to - now.from)) / 4
      stopped({ from: now.from + seconds, to: now.to + seconds })
    },
  }
}
