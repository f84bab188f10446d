export const galleryWords = {
  'gallery.title': 'Forms from schemas',
  'gallery.text':
    'What a configuration form is made of. Paste the config.schema.json of a plugin to see its form; nothing is sent or kept.',
  'gallery.schema': 'Schema',
  'gallery.form': 'Form',
  'gallery.value': 'What a save would send',
  'gallery.bad-schema': 'A schema is one JSON object.',
  'gallery.refuse': 'Show an error on every field',
  'gallery.refused': 'is refused, as an example',
  'gallery.stored': 'Secrets are stored already',
} as const
