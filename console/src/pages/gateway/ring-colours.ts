const colours = ['--accent', '--info', '--major', '--critical', '--minor', '--good', '--line-strong', '--soft']

/** The colour of a node by its place; after eight they begin again. */
export const colourOf = (place: number): string => `var(${colours[place % colours.length] ?? '--accent'})`
