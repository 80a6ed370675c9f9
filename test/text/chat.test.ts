import { describe, expect, it } from 'vitest'
import { openChat } from '../../src/folders/open-chat.js'
import { folderWith } from '../cli/support.js'
import { userError } from '../support/user-error.js'

const messages = [{ role: 'user', content: 'Hi' }]

describe('a chat template', () => {
  it('is rendered with the special tokens of the tokenizer', async () => {
    const chat = await openChat(
      await folderWith({
        'chat_template.jinja':
          '{{ bos_token }}{% for m in messages %}{{ m.role }}: {{ m.content }}{% endfor %}',
        'tokenizer_config.json': '{"bos_token": "<s>"}',
      }),
    )
    expect(chat.render(messages, false)).toBe('<s>user: Hi')
  })

  it('that never ends is stopped and refused', async () => {
    const template = '{% for i in range(99999999) %}{% for j in range(99999999) %}x{% endfor %}{% endfor %}'
    const chat = await openChat(await folderWith({ 'chat_template.jinja': template }))
    const error = await userError(() => chat.render(messages, false))
    expect(error.what).toBe('the chat template refuses the messages')
    expect(error.why).toContain('it takes longer than')
  })
})
