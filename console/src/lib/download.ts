/** Gives the person a file that was made here. */
export const download = (name: string, text: string, type = 'text/plain'): void => {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([text], { type }))
  link.download = name
  link.click()
  URL.revokeObjectURL(link.href)
}
