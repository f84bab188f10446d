import type { galleryWords as en } from '../en/gallery.ts'

export const galleryWords: Record<keyof typeof en, string> = {
  'gallery.title': '由模式生成的表单',
  'gallery.text': '配置表单的各种控件。粘贴插件的 config.schema.json 即可查看其表单；不会发送或保存任何内容。',
  'gallery.schema': '模式',
  'gallery.form': '表单',
  'gallery.value': '保存时将发送的内容',
  'gallery.bad-schema': '模式必须是一个 JSON 对象。',
  'gallery.refuse': '在每个字段上显示错误',
  'gallery.refused': '被拒绝（示例）',
  'gallery.stored': '密钥已经保存',
}
