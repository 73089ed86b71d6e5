"""Words that hold a sentence together and praise or blame nothing."""

from __future__ import annotations

from polysense.knowledge.tagger import Language

_ENGLISH = """
am is are was were be been being has have had having do does did doing done get gets got getting
aint arent cant couldnt didnt doesnt dont hadnt hasnt havent isnt shouldnt wasnt werent wont wouldnt im ive thats
can could will would shall should may might must ought need dare cannot ca wo sha n't 's 're 've 'll 'd 'm
not no never neither nor none nothing nobody nowhere without hardly barely scarcely
i you he she it we they me him her us them my your his its our their mine yours hers ours theirs
myself yourself himself herself itself ourselves yourselves themselves oneself
this that these those a an the some any each every either both all another other others such same own
one two three first second last few several many much more most less least enough
someone anyone everyone something anything everything somebody anybody everybody
who whom whose which what whoever whichever whatever when whenever where wherever why how however
and or but if unless because since so than though although while whereas whether until till as
of in on at by for from to into onto with within about above across after against along among around before behind below
beneath beside besides between beyond despite down during except inside near off out outside over per regarding
through throughout toward towards under underneath unlike up upon via
only just even also too very quite rather still yet already again ever always often sometimes usually once twice
then there here now later soon ago away back together apart instead else maybe perhaps otherwise therefore thus hence
almost nearly about really indeed anyway anyways meanwhile afterwards
"""

_CHINESE = """
的 地 得 了 着 过 们 吗 呢 吧 啊 呀 嘛 哦 哈 嗯 么
是 有 在 把 被 给 让 叫 使 为 对 向 从 到 由 于 以 跟 和 与 及 或 或者 而 而且 并 并且 但 但是 不过 可是 然而 虽然 尽管
因为 由于 所以 因此 如果 要是 只要 只有 即使 就算 除了 关于 对于 根据 按照 通过
不 没 没有 无 未 别 不是 不会 不能 不够 不太 不怎么 并不 毫无 绝不 并非 不要 不用 不到 不了 没什么
我 你 您 他 她 它 我们 你们 他们 她们 它们 咱们 自己 大家 别人 人家
这 那 哪 这个 那个 哪个 这些 那些 这样 那样 这么 那么 这里 那里 这儿 那儿 这种 那种 什么 怎么 怎样 为什么 谁 多少 几 某
一 二 两 三 个 些 一个 一些 一点 一下 有点 有些 每 各 所有 其他 另外 其它 其中
就 都 也 还 又 再 才 却 只 仅 仅仅 已 已经 曾经 正在 刚 刚刚 马上 立刻 一直 总是 经常 常常 有时 偶尔 从来 然后 后来 之后 之前 以后 以前
很 太 更 最 非常 特别 比较 相当 十分 挺 极 稍微 几乎 差不多 大概 可能 也许 应该 可以 能 能够 会 要 想 必须 需要 得 该 肯定
现在 当时 目前 今天 昨天 明天 今年 去年 上 下 里 外 中 前 后 左右 以上 以下 之间
"""

FUNCTION_WORDS: dict[Language, frozenset[str]] = {"en": frozenset(_ENGLISH.split()), "zh": frozenset(_CHINESE.split())}
"""Auxiliaries, negators, pronouns, prepositions, conjunctions, and adverbs of time, degree and focus. What they stand beside says
something of how people complain (*it was not ...*), nothing of the words: where a text's words are weighed, they tip it to blame."""
